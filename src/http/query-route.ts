// POST /query: token, media type, body, then the query itself, and its answer. What a query is, `runQuery` knows.

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Authenticate, Principal } from "../auth/principal.ts";
import type { Observe } from "../observability/observation.ts";
import type { QueryRequest } from "../query-request.ts";
import { readBearerToken } from "./bearer-token.ts";
import type { BodyBudget } from "./body-budget.ts";
import { requireJson } from "./media-type.ts";
import { parseQueryBody } from "./parse-query-body.ts";
import { readBody } from "./read-body.ts";
import type { RunningQueries } from "./running-queries.ts";
import { TenantThrottle } from "./tenant-throttle.ts";

export interface QueryContext {
  readonly requestId: string;
  /** Aborts when the client has gone: nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

export interface QueryAnswer {
  /** The complete JSON text of the answer. */
  readonly body: string;
  readonly rowCount: number;
  /** What is logged as the statement's kind, such as SELECT. */
  readonly operation: string;
}

export type RunQuery = (principal: Principal, request: QueryRequest, context: QueryContext) => Promise<QueryAnswer>;

export interface QueryRouteOptions {
  readonly authenticate: Authenticate;
  readonly runQuery: RunQuery;
  readonly observe: Observe;
  readonly maxBodyBytes: number;
  readonly bodies: BodyBudget;
  readonly running: RunningQueries;
}

declare module "fastify" {
  interface FastifyRequest {
    /** By performance.now(). */
    startedAt: number | undefined;
    /** Set on /query once the token is found valid. */
    principal: Principal | undefined;
    /** Set on /query. */
    clientGone: AbortController | undefined;
  }
}

export function addQueryRoute(app: FastifyInstance, options: QueryRouteOptions): void {
  const { authenticate, runQuery, observe, maxBodyBytes, bodies, running } = options;
  const throttle = new TenantThrottle();

  async function admit(request: FastifyRequest): Promise<void> {
    request.principal = await authenticate(readBearerToken(request.raw));
    requireJson(request.headers);
  }

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { principal, clientGone, startedAt } = request;
    if (principal === undefined || clientGone === undefined || startedAt === undefined)
      throw new Error("The hooks of /query have not run");
    const { tenant } = principal;
    const result = await throttle.withQuery(tenant, () =>
      bodies.withBody(tenant.id, async (reserve) => {
        const query = parseQueryBody(await readBody(request.raw, maxBodyBytes, reserve));
        return runQuery(principal, query, { requestId: request.id, signal: clientGone.signal });
      }),
    );
    observe({
      kind: "query-finished",
      requestId: request.id,
      durationMs: performance.now() - startedAt,
      tokenPrefix: principal.tokenPrefix,
      databaseId: tenant.id,
      operation: result.operation,
      rowCount: result.rowCount,
    });
    return reply
      .header("content-type", "application/json; charset=utf-8")
      .header("cache-control", "no-store")
      .send(result.body);
  }

  app.post("/query", { onRequest: [clientWatch(running), admit] }, answer);
}

function clientWatch(running: RunningQueries) {
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const clientGone = new AbortController();
    request.clientGone = clientGone;
    running.add();
    // Not `request.signal`: that one aborts as soon as the body is read.
    reply.raw.once("close", () => {
      running.remove();
      if (!reply.raw.writableEnded) clientGone.abort();
    });
    done();
  };
}
