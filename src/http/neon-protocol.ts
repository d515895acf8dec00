// Translates Neon's SQL over HTTP, its headers and bodies, into Postgate's own requests. The judge, the limits and the transaction are
// the same as for /query. docs/reference/neon.md lists the differences from Neon's own server.

import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { parseToken, type Token, unauthorized } from "../auth/token.ts";
import {
  DEFAULT_TRANSACTION,
  type IsolationLevel,
  type QueryRequest,
  type ResultForm,
  type TransactionOptions,
} from "../base/query-request.ts";
import { countHeaders, readBearerToken } from "./bearer-token.ts";
import type { BodyForm } from "./body/body-reader.ts";
import { type BodyRecord, KnownKeys } from "./body/body-record.ts";
import { invalid } from "./body/invalid.ts";
import { readJsonBody } from "./body/read-json-body.ts";
import { requireUncompressed } from "./body/media-type.ts";
import { toNeonErrorResponse } from "./neon-error-response.ts";
import type { BodyContext, QueryProtocol } from "./route.ts";
import { parseStatement, parseStatements, type StatementReading } from "./body/statement-request.ts";

const FORM: BodyForm = {
  keys: new KnownKeys(["query", "params", "queries", "arrayMode"]),
  parametersKey: "params",
  statementsKey: "queries",
  refusesNearMisses: false,
  example: '{"query": "SELECT $1::int", "params": ["1"]}',
};
const CONNECTION_STRING = "neon-connection-string";
const ISOLATION_LEVEL = "neon-batch-isolation-level";
const BATCH_HEADERS = [ISOLATION_LEVEL, "neon-batch-read-only", "neon-batch-deferrable"] as const;

const ISOLATION_LEVELS: ReadonlyMap<string, IsolationLevel> = new Map([
  ["ReadUncommitted", "read uncommitted"],
  ["ReadCommitted", "read committed"],
  ["RepeatableRead", "repeatable read"],
  ["Serializable", "serializable"],
]);

/** Any page may send requests: a token is in a header that the page itself sets, never in a cookie. */
const CORS_HEADERS = { "access-control-allow-origin": "*" };

export const NEON_PREFLIGHT_HEADERS = {
  ...CORS_HEADERS,
  allow: "OPTIONS, POST",
  "access-control-allow-headers": [
    "Authorization, Content-Type, X-Request-Id, Neon-Connection-String, Neon-Raw-Text-Output, Neon-Array-Mode",
    "Neon-Pool-Opt-In, Neon-Batch-Read-Only, Neon-Batch-Isolation-Level, Neon-Batch-Deferrable",
  ].join(", "),
  "access-control-max-age": "86400",
};

export const NEON_PROTOCOL: QueryProtocol = {
  path: "/sql",
  readToken,
  requireMediaType,
  parseBody: parseNeonBody,
  answerHeaders: ({ headers }, { isBatch }) => ({ ...CORS_HEADERS, ...(isBatch ? echoBatchHeaders(headers) : {}) }),
  toErrorResponse: (error, requestId) => {
    const response = toNeonErrorResponse(error, requestId);
    return { ...response, headers: { ...response.headers, ...CORS_HEADERS } };
  },
};

/**
 * Returns the token of the `Authorization` header, or if there is none, the password of the connection string. Two connection
 * strings are refused, as two `Authorization` headers are: Node joins them, and a proxy in front may have judged the other one.
 */
function readToken(request: IncomingMessage): Token {
  if (countHeaders(request, CONNECTION_STRING) > 1) throw unauthorized();
  if (request.headers.authorization !== undefined) return readBearerToken(request);
  const token = passwordOf(request.headers[CONNECTION_STRING]);
  if (token === undefined) throw unauthorized();
  return token;
}

function passwordOf(given: string | string[] | undefined): Token | undefined {
  const url = typeof given === "string" && URL.canParse(given) ? new URL(given) : undefined;
  const isPostgres = url?.protocol === "postgres:" || url?.protocol === "postgresql:";
  return url !== undefined && isPostgres ? parseToken(decoded(url.password)) : undefined;
}

/**
 * Accepts every media type: drivers send text/plain, but the body is always JSON. The header is removed, because Fastify would
 * refuse a malformed type.
 */
function requireMediaType(headers: IncomingHttpHeaders): void {
  requireUncompressed(headers);
  delete headers["content-type"];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

function parseNeonBody(bytes: Buffer, { headers, inSlices }: BodyContext): QueryRequest | Promise<QueryRequest> {
  return readJsonBody(bytes, { form: FORM, inSlices, toRequest: (body) => toRequest(body, headers) });
}

function toRequest(body: BodyRecord, headers: IncomingHttpHeaders): QueryRequest {
  const isBatch = body.get("query") === undefined && body.get("queries") !== undefined;
  const reading = { listKey: "queries", sqlKey: "query", formOf: formReader(headers) };
  return {
    statements: isBatch ? parseStatements(body, reading) : [parseStatement(body, reading)],
    isBatch,
    transaction: isBatch ? readTransaction(headers) : DEFAULT_TRANSACTION,
  };
}

function formReader(headers: IncomingHttpHeaders): StatementReading["formOf"] {
  const types = isTrue(headers, "neon-raw-text-output") ? "text" : "json";
  const isArrayByDefault = isTrue(headers, "neon-array-mode");
  return (statement: BodyRecord): ResultForm => {
    const arrayMode = statement.get("arrayMode");
    const isGiven = arrayMode !== undefined && arrayMode.kind !== "null";
    const isArray = isGiven ? arrayMode.kind === "boolean" && arrayMode.text === "true" : isArrayByDefault;
    return { layout: "neon", rowMode: isArray ? "array" : "object", types, withFields: true };
  };
}

function readTransaction(headers: IncomingHttpHeaders): TransactionOptions {
  const level = headers[ISOLATION_LEVEL];
  const isolation = typeof level === "string" ? ISOLATION_LEVELS.get(level) : undefined;
  if (level !== undefined && isolation === undefined)
    throw invalid("Neon-Batch-Isolation-Level: invalid isolation level");
  return {
    isolation,
    readOnly: isTrue(headers, "neon-batch-read-only"),
    deferrable: isTrue(headers, "neon-batch-deferrable"),
  };
}

/** Tells whether a header is switched on. Like Neon's servers, it accepts only the word "true". */
function isTrue(headers: IncomingHttpHeaders, name: string): boolean {
  return headers[name] === "true";
}

function echoBatchHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const given = BATCH_HEADERS.filter((name) => name === ISOLATION_LEVEL || isTrue(headers, name));
  return Object.fromEntries(
    given.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])]])),
  );
}
