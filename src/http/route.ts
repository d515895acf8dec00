// The routes that take queries. Each request passes the same steps: token, media type, body, query, answer. The protocol of a route
// reads and writes their form, and `runQuery` runs the query.

import { isAscii } from "node:buffer";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Authenticate, Principal } from "../auth/principal.ts";
import type { Token } from "../auth/token.ts";
import { CancelController, type CancelSignal } from "../base/cancel-signal.ts";
import type { SlicedWork, Slices } from "../base/slices.ts";
import type { GatewayError } from "../base/errors.ts";
import type { Observe } from "../observability/observation.ts";
import type { QueryRequest } from "../base/query-request.ts";
import type { AnswerBudget } from "./limits/answer-budget.ts";
import type { BodyBudget } from "./limits/body-budget.ts";
import type { ErrorResponse } from "./error-response.ts";
import { readBody } from "./body/read-body.ts";
import type { RunInSlices } from "./body/read-json-body.ts";
import type { RunningQueries } from "./limits/running-queries.ts";
import type { TenantThrottle } from "./limits/tenant-throttle.ts";
import { whenOver } from "./limits/when-over.ts";

interface QueryContext {
  readonly requestId: string;
  /** Aborts when the client has gone and no longer waits for the answer. */
  readonly signal: CancelSignal;
  /** Returns the token's principal. It authenticates the token again if the last time was more than 400 ms ago. */
  readonly currentPrincipal: () => Principal | Promise<Principal>;
  /** Called when the statements are approved, so that the log line of a later failure names the operation. */
  readonly approved: (operation: string) => void;
}

export interface QueryAnswer {
  /** The complete JSON text of the answer, in UTF-8. */
  readonly body: Buffer;
  readonly rowCount: number;
  /** The kind of statement for the log, such as SELECT. */
  readonly operation: string;
}

export type RunQuery = (principal: Principal, request: QueryRequest, context: QueryContext) => Promise<QueryAnswer>;

export interface BodyContext {
  readonly headers: IncomingHttpHeaders;
  readonly inSlices: RunInSlices;
}

/** The form of queries and answers on a route. Limits, judge, execution and log are the same on all routes. */
export interface QueryProtocol {
  readonly path: string;
  /** @throws GatewayError UNAUTHORIZED when the request has no well-formed token. */
  readonly readToken: (request: IncomingMessage) => Token;
  /** @throws GatewayError UNSUPPORTED_MEDIA_TYPE when the protocol does not accept the body's type, charset or compression. */
  readonly requireMediaType: (headers: IncomingHttpHeaders) => void;
  /**
   * Returns the request at once for a small body, and a promise for a large one.
   *
   * @throws GatewayError INVALID_REQUEST when the body does not have the protocol's form, and PARSE_ERROR for a statement that is too
   * long.
   */
  readonly parseBody: (bytes: Buffer, context: BodyContext) => QueryRequest | Promise<QueryRequest>;
  /** Returns the headers that a successful answer has in addition to those of every answer. */
  readonly answerHeaders?: (request: FastifyRequest, query: QueryRequest) => Readonly<Record<string, string>>;
  readonly toErrorResponse: (error: GatewayError, requestId: string) => ErrorResponse;
}

export interface QueryRouteOptions {
  readonly authenticate: Authenticate;
  readonly runQuery: RunQuery;
  readonly observe: Observe;
  readonly maxBodyBytes: number;
  readonly bodies: BodyBudget;
  readonly answers: AnswerBudget;
  readonly running: RunningQueries;
  readonly throttle: TenantThrottle;
  readonly slices: Slices;
}

/**
 * Age after which a request authenticates its token again. Together with the 500 ms for which rights are remembered, it is less than
 * the 1 s within which a change of rights must show.
 */
const MAX_AGE_OF_RIGHTS_MS = 400;

/** Largest answer that is sent as a text. Copying a larger one would cost more than it saves. */
const MAX_TEXT_BYTES = 16_384;

declare module "fastify" {
  interface FastifyContextConfig {
    /** The protocol of a route that takes queries. */
    protocol?: QueryProtocol;
  }
  interface FastifyRequest {
    /** The time of performance.now() when the request began. */
    startedAt: number | undefined;
    /** Set on the routes that take queries when the token has been found valid. */
    principal: Principal | undefined;
    /** Set on the routes that take queries. Aborts when the client has gone. */
    clientGone: CancelController | undefined;
    /** Set when the statements have been approved. */
    operation: string | undefined;
  }
}

export function addQueryRoute(app: FastifyInstance, protocol: QueryProtocol, options: QueryRouteOptions): void {
  const { authenticate, runQuery, observe, maxBodyBytes, bodies, answers, running, throttle, slices } = options;

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { principal, clientGone, startedAt } = request;
    if (principal === undefined || clientGone === undefined || startedAt === undefined)
      throw new Error("The hooks of the route have not run");
    const { tenant } = principal;
    const currentPrincipal = refreshing(principal, () => authenticate(protocol.readToken(request.raw)));
    answers.requireRoom(tenant.id);
    const result = await throttle.withQuery(tenant, async (admitStatements) => {
      const held = bodies.open(principal);
      try {
        const body = { headers: request.headers, inSlices: (work: SlicedWork) => slices.run(tenant.id, work) };
        const query = await protocol.parseBody(await readBody(request.raw, maxBodyBytes, held), body);
        admitStatements(query.statements.length);
        if (protocol.answerHeaders !== undefined) reply.headers(protocol.answerHeaders(request, query));
        return await runQuery(await currentPrincipal(), query, contextOf(request, clientGone, currentPrincipal));
      } finally {
        held.release();
      }
    });
    answers.hold(tenant.id, result.body.length, { request: request.raw, response: reply.raw });
    observe({
      kind: "query-finished",
      requestId: request.id,
      durationMs: performance.now() - startedAt,
      tokenPrefix: principal.tokenPrefix,
      databaseId: tenant.id,
      operation: result.operation,
      rowCount: result.rowCount,
    });
    if (running.isStopping) void reply.header("connection", "close");
    return reply
      .header("content-type", "application/json; charset=utf-8")
      .header("cache-control", "no-store")
      .send(toPayload(result.body));
  }

  const onRequest = [clientWatch(running), createAdmission(protocol, authenticate)];
  app.post(protocol.path, { onRequest, config: { protocol } }, answer);
}

type OnRequest = (request: FastifyRequest, reply: FastifyReply, done: () => void) => Promise<void> | undefined;

/** Makes the hook that authenticates. If the principal is remembered, it finishes at once, so that no promise delays the request. */
function createAdmission({ readToken, requireMediaType }: QueryProtocol, authenticate: Authenticate): OnRequest {
  return (request, _reply, done) => {
    const take = (principal: Principal): void => {
      request.principal = principal;
      requireMediaType(request.headers);
    };
    const found = authenticate(readToken(request.raw));
    if (found instanceof Promise) return found.then(take);
    take(found);
    done();
    return undefined;
  };
}

/**
 * Turns a small answer into a text. Node writes a text together with the headers but a buffer separately, which costs a small answer
 * a tenth of its CPU time.
 */
function toPayload(body: Buffer): Buffer | string {
  return body.length <= MAX_TEXT_BYTES && isAscii(body) ? body.toString("latin1") : body;
}

/**
 * Returns a function that authenticates the token again once the known principal is too old. A client that sends its body slowly,
 * byte by byte, or waits long for a connection thus keeps a right no longer than others do.
 */
function refreshing(
  principal: Principal,
  authenticateAgain: () => Principal | Promise<Principal>,
): QueryContext["currentPrincipal"] {
  let known: Principal | Promise<Principal> = principal;
  let knownAt = performance.now();
  return () => {
    const now = performance.now();
    if (now - knownAt <= MAX_AGE_OF_RIGHTS_MS) return known;
    knownAt = now;
    return (known = authenticateAgain());
  };
}

function contextOf(
  request: FastifyRequest,
  clientGone: CancelController,
  currentPrincipal: QueryContext["currentPrincipal"],
): QueryContext {
  const approved = (operation: string): void => void (request.operation = operation);
  return { requestId: request.id, signal: clientGone, currentPrincipal, approved };
}

function clientWatch(running: RunningQueries): OnRequest {
  return (request, reply, done) => {
    const clientGone = new CancelController();
    request.clientGone = clientGone;
    running.add();
    // `request.signal` is of no use here: it aborts as soon as the body is read.
    whenOver({ request: request.raw, response: reply.raw }, () => {
      running.remove();
      if (!reply.raw.writableEnded) clientGone.abort();
    });
    done();
  };
}
