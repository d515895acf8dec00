import type { Principal } from "../../../src/auth/principal.ts";
import { hashToken, unauthorized, type Token } from "../../../src/auth/token.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "../../../src/http/server.ts";
import type { RunQuery } from "../../../src/http/route.ts";
import type { Observation } from "../../../src/observability/observation.ts";
import type { DatabaseId, SchemaName } from "../../../src/tenants/tenant.ts";

export const TOKEN = `pg_${"0123456789abcdef".repeat(4)}` as Token;
export const UNKNOWN_TOKEN = `pg_${"f".repeat(64)}`;
export const MAX_BODY_BYTES = 100_000;

const PRINCIPAL: Principal = {
  tokenId: "11111111-1111-4111-8111-111111111111",
  tokenPrefix: "pg_01234",
  permissions: new Set(["SELECT"]),
  access: "read-only",
  tenant: {
    id: "22222222-2222-4222-8222-222222222222" as DatabaseId,
    name: "acme",
    backend: { kind: "schema", schema: "tenant_x" as SchemaName },
    maxRows: 1000,
    limits: {},
  },
};

/** Answers with the request itself, so that a test sees which request reached the query. */
const echo: RunQuery = (_principal, { statements }) =>
  Promise.resolve({
    body: Buffer.from(JSON.stringify({ rows: statements.map(({ sql, params }) => ({ sql, params })), row_count: 1 })),
    rowCount: 1,
    operation: "SELECT",
  });

export interface TestServer extends HttpServer {
  readonly url: string;
  readonly observations: Observation[];
  /** Sends POST /query with a valid token, unless the options set another one. */
  query(body: NonNullable<RequestInit["body"]>, headers?: Record<string, string>): Promise<Response>;
}

/** Starts a server whose authentication and queries are stand-ins. They are passed in as the gateway passes its own. */
export async function startServer(options: Partial<HttpServerOptions> = {}): Promise<TestServer> {
  const observations: Observation[] = [];
  const server = createHttpServer({
    authenticate: (token) =>
      hashToken(token) === hashToken(TOKEN) ? Promise.resolve(PRINCIPAL) : Promise.reject(unauthorized()),
    runQuery: echo,
    observe: (observation) => observations.push(observation),
    maxBodyBytes: MAX_BODY_BYTES,
    ...options,
  });
  const url = await server.listen("127.0.0.1", 0);
  const query: TestServer["query"] = (body, headers = {}) =>
    fetch(`${url}/query`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json", ...headers },
      body,
    });
  return { ...server, url, observations, query };
}
