// The public listener: its routes, its limits, its start and its end. It knows nothing of PostgreSQL: the functions that
// authenticate a token and run a query are passed in.

import type { Socket } from "node:net";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Authenticate } from "../auth/principal.ts";
import { GatewayError } from "../base/errors.ts";
import { Slices } from "../base/slices.ts";
import type { Observe } from "../observability/observation.ts";
import { AnswerBudget } from "./limits/answer-budget.ts";
import { BodyBudget } from "./limits/body-budget.ts";
import { createConnectionErrorHandler } from "./connection-errors.ts";
import { corsHeaders } from "./cors.ts";
import { toErrorResponse, toGatewayError } from "./error-response.ts";
import { listen } from "../base/listen.ts";
import { NEON_PREFLIGHT_HEADERS, NEON_PROTOCOL } from "./neon-protocol.ts";
import { QUERY_PROTOCOL } from "./query-protocol.ts";
import { addQueryRoute, type RunQuery } from "./route.ts";
import { discardBody } from "./body/read-body.ts";
import { requestIdOf } from "./request-id.ts";
import { RunningQueries } from "./limits/running-queries.ts";
import { cutStalledAnswers } from "./limits/stalled-answers.ts";
import { TenantThrottle } from "./limits/tenant-throttle.ts";

export interface HttpServerOptions {
  readonly authenticate: Authenticate;
  readonly runQuery: RunQuery;
  readonly observe: Observe;
  readonly maxBodyBytes: number;
  /** Runs long work of the main thread in slices. Execution shares it, so that the work of both takes turns with other requests. */
  readonly slices?: Slices;
  /** True if POST /sql speaks Neon's SQL over HTTP. */
  readonly neon?: boolean;
  /** Origins whose pages may read answers of /query; `*` allows all. If the list is empty, there is no CORS at all. */
  readonly corsOrigins?: readonly string[];
  /** Maximum total size of large request bodies held in memory. One tenant may use at most a quarter. */
  readonly maxHeldBodyBytes?: number;
  /** Total size of unread large answers from which on queries are refused. A single tenant is refused from half of it on. */
  readonly maxHeldAnswerBytes?: number;
  /** Maximum time in which a whole request must arrive, including its body. */
  readonly requestTimeoutMs?: number;
  /** Time after which a client that reads nothing of its answer is disconnected. */
  readonly stalledAnswerTimeoutMs?: number;
}

export interface HttpServer {
  /** Listens, and returns the URL under which this machine reaches the server. Port 0 selects a free port. */
  listen(host: string, port: number): Promise<string>;
  /** Accepts no new requests, lets running queries finish until the deadline, and then closes all connections. */
  close(deadlineMs: number): Promise<void>;
}

const DEFAULT_REQUEST_TIMEOUT_MS = 60_000;
const HEADERS_TIMEOUT_MS = 15_000;
/** It is longer than the usual 60 s of load balancers, because the side that reuses a connection should be the first to close it. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
const CONNECTIONS_CHECKING_INTERVAL_MS = 1_000;
const MAX_HEADER_BYTES = 16_384;

const ALLOWED_METHODS: readonly (readonly [path: string, methods: string])[] = [
  ["/health", "GET, HEAD"],
  ["/query", "POST"],
];
const NEON_METHODS = [NEON_PROTOCOL.path, NEON_PREFLIGHT_HEADERS.allow] as const;
const CORS_METHODS = [QUERY_PROTOCOL.path, "OPTIONS, POST"] as const;
/** Captures the path of `/path?query`, and of `http://host/path?query`, the form that clients send to proxies. */
const PATH = /^(?:https?:\/\/[^/]*)?([^?]*)/i;

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { observe } = options;
  const allowedMethods = allowedMethodsOf(options);
  const running = new RunningQueries();
  const latestReply = new WeakMap<Socket, FastifyReply>();

  function admit(request: FastifyRequest, reply: FastifyReply, done: (error?: GatewayError) => void): void {
    request.startedAt = performance.now();
    latestReply.set(request.raw.socket, reply);
    void reply.header("x-request-id", request.id);
    if (hasCors(options)) void reply.headers(corsHeadersOf(request, options));
    done(
      running.isStopping
        ? new GatewayError("UNAVAILABLE", "The server is shutting down")
        : findFault(request, reply, allowedMethods),
    );
  }

  const refuse = createRefuser(observe, running);
  const onConnectionError = createConnectionErrorHandler({ observe, latestReply, refuse });
  const app = createApp(options, { refuse, onConnectionError });
  cutStalledAnswers(app.server, latestReply, options.stalledAnswerTimeoutMs);
  app.addHook("onRequest", admit);
  addRoutes(app, options, running);

  return {
    async listen(host, port) {
      await app.ready();
      return listen(app.server, { host, port, portSetting: "POSTGATE_PORT" });
    },
    async close(deadlineMs) {
      const stopped = running.stop(deadlineMs);
      const closed = app.close();
      await stopped;
      app.server.closeAllConnections();
      await closed;
    },
  };
}

function hasCors({ corsOrigins = [] }: HttpServerOptions): boolean {
  return corsOrigins.length > 0;
}

function corsHeadersOf(request: FastifyRequest, { corsOrigins = [] }: HttpServerOptions) {
  if (pathOf(request) !== QUERY_PROTOCOL.path) return {};
  return corsHeaders(corsOrigins, request.raw);
}

function allowedMethodsOf(options: HttpServerOptions): ReadonlyMap<string, string> {
  return new Map([
    ...ALLOWED_METHODS,
    ...(options.neon === true ? [NEON_METHODS] : []),
    ...(hasCors(options) ? [CORS_METHODS] : []),
  ]);
}

function pathOf({ url }: FastifyRequest): string {
  return PATH.exec(url)?.[1] ?? "";
}

function addRoutes(app: FastifyInstance, options: HttpServerOptions, running: RunningQueries): void {
  app.get("/health", (_request, reply) => reply.send({ status: "ok" }));
  const bodies = new BodyBudget(options.maxBodyBytes, options.maxHeldBodyBytes);
  const answers = new AnswerBudget(options.maxHeldAnswerBytes);
  const shared = {
    ...options,
    running,
    bodies,
    answers,
    throttle: new TenantThrottle(),
    slices: options.slices ?? new Slices(),
  };
  addQueryRoute(app, QUERY_PROTOCOL, shared);
  if (hasCors(options))
    app.options(QUERY_PROTOCOL.path, (_request, reply) => reply.code(204).header("allow", CORS_METHODS[1]).send());
  if (options.neon !== true) return;
  addQueryRoute(app, NEON_PROTOCOL, shared);
  app.options(NEON_PROTOCOL.path, (_request, reply) => reply.headers(NEON_PREFLIGHT_HEADERS).send());
}

type Refuse = (error: GatewayError, reply: FastifyReply) => void;

function createRefuser(observe: Observe, running: RunningQueries): Refuse {
  return (error, reply) => {
    observeFailure(error, reply.request, observe);
    const respond = reply.request.routeOptions.config.protocol?.toErrorResponse ?? toErrorResponse;
    const { status, headers, body } = respond(error, reply.request.id);
    if (running.isStopping) void reply.header("connection", "close");
    void reply.code(status).headers(headers).send(body);
  };
}

interface Refusals {
  readonly refuse: Refuse;
  readonly onConnectionError: (error: NodeJS.ErrnoException, socket: Socket) => void;
}

/** Creates the Fastify app, with Postgate's limits and error answers in place of Fastify's. */
function createApp(options: HttpServerOptions, { refuse, onConnectionError }: Refusals): FastifyInstance {
  const app = Fastify({
    logger: false,
    genReqId: (request) => requestIdOf(request.headers),
    return503OnClosing: false,
    requestTimeout: options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS),
      connectionsCheckingInterval: CONNECTIONS_CHECKING_INTERVAL_MS,
      requireHostHeader: false, // Node's own refusal would not have our form; findFault refuses instead.
    },
    clientErrorHandler: onConnectionError,
    // A path that cannot be decoded, such as /%zz, is answered like an unknown route.
    frameworkErrors: (_error, _request, reply) => refuse(notFound(), reply),
  });
  app.decorateRequest("startedAt", undefined);
  app.decorateRequest("principal", undefined);
  app.decorateRequest("clientGone", undefined);
  app.decorateRequest("operation", undefined);
  // The routes that take queries read the body themselves, with their own limit and error answers.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));
  app.server.on("checkExpectation", (request, response) => app.server.emit("request", request, response));
  app.setErrorHandler(async (error, request, reply) => {
    const isReadAway = await discardBody(request.raw);
    if (reply.sent) return; // The connection has failed in the meantime, and the failure was answered.
    if (!isReadAway) void reply.header("connection", "close");
    refuse(toGatewayError(error), reply);
    return reply;
  });
  return app;
}

function findFault(
  request: FastifyRequest,
  reply: FastifyReply,
  allowedMethods: ReadonlyMap<string, string>,
): GatewayError | undefined {
  const { headers, httpVersion } = request.raw;
  if (headers.host === undefined && httpVersion === "1.1")
    return new GatewayError("INVALID_REQUEST", "The Host header is missing");
  const allowed = allowedMethods.get(request.url) ?? allowedMethods.get(pathOf(request));
  if (allowed === undefined) return notFound(); // This includes /%71uery, which the router would decode to /query.
  if (!request.is404) return undefined;
  void reply.header("allow", allowed);
  return new GatewayError("METHOD_NOT_ALLOWED", `Method ${request.method} is not allowed here; use ${allowed}`);
}

function notFound(): GatewayError {
  return new GatewayError("NOT_FOUND", "Not found; the routes are POST /query and GET /health");
}

function observeFailure(error: GatewayError, request: FastifyRequest, observe: Observe): void {
  const { id: requestId, startedAt, clientGone } = request;
  const durationMs = startedAt === undefined ? 0 : performance.now() - startedAt;
  if (clientGone?.aborted === true) {
    observe({ kind: "client-gone", requestId, durationMs });
    return;
  }
  const isFaultBehind = error.code === "INTERNAL_ERROR" || error.code === "UNAVAILABLE";
  observe({
    kind: "query-failed",
    requestId,
    durationMs,
    code: error.code,
    ...factsOf(request),
    ...(error.details.reason !== undefined && { reason: error.details.reason }),
    ...(error.details.sqlstate !== undefined && { sqlstate: error.details.sqlstate }),
    ...(isFaultBehind && error.cause !== undefined && { cause: error.cause }),
  });
}

/** Returns the facts for the log that are known so far. */
function factsOf({ principal, operation }: FastifyRequest) {
  return {
    ...(principal !== undefined && { tokenPrefix: principal.tokenPrefix, databaseId: principal.tenant.id }),
    ...(operation !== undefined && { operation }),
  };
}
