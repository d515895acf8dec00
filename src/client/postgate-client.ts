// The HTTP side of the client: one POST per statement. It needs nothing but fetch, so it runs in browsers, edge
// runtimes and Node alike. It sends a statement once and never again: only the caller knows whether that is safe.

import type {
  PostgateBatchRequest,
  PostgateBatchResponse,
  PostgateErrorResponse,
  PostgateQueryRequest,
  PostgateQueryResponse,
} from "../protocol.ts";
import { PostgateError, type PostgateErrorOptions } from "./postgate-error.ts";
import { toJson } from "./to-json.ts";

export interface PostgateClientOptions {
  /** Used in place of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

/** The form of the answer, and the transaction: what may stand beside the statement, spelled as on the wire. */
export type PostgateQueryOptions = Omit<PostgateQueryRequest, "sql" | "params">;

/** Runs statements on the database that the token belongs to. */
export class PostgateClient {
  readonly #url: string;
  readonly #authorization: string;
  readonly #fetch: typeof fetch | undefined;

  /**
   * @param baseUrl the gateway's address, with the path under which a proxy serves it, if any.
   * @throws TypeError when the token holds characters that no header may carry.
   */
  constructor(baseUrl: string | URL, token: string, options: PostgateClientOptions = {}) {
    this.#url = `${String(baseUrl).replace(/\/+$/, "")}/query`;
    this.#authorization = `Bearer ${printableToken(token)}`;
    this.#fetch = options.fetch;
  }

  /**
   * Runs one SQL statement; `$1`, `$2`, … stand for the parameters.
   *
   * @throws PostgateError when the statement was refused or failed, or no answer came.
   * @throws TypeError when a parameter cannot be sent; nothing was sent then.
   */
  async query<Row = Record<string, unknown>>(
    sql: string,
    params: readonly unknown[] | null = null,
    options: PostgateQueryOptions = {},
  ): Promise<PostgateQueryResponse<Row>> {
    return this.#send({ ...options, sql, params }, isQueryResponse<Row>);
  }

  /**
   * Runs several statements in one transaction: all of them or none. One answer for each, in their order.
   *
   * @throws PostgateError as `query` does; `details.statement` is the number, from 0, of the statement that failed.
   */
  async batch<Row = Record<string, unknown>>(
    statements: PostgateBatchRequest["statements"],
    options: PostgateQueryOptions = {},
  ): Promise<PostgateQueryResponse<Row>[]> {
    const { results } = await this.#send({ ...options, statements }, isBatchResponse<Row>);
    return results;
  }

  async #send<T>(request: object, isExpected: (body: unknown) => body is T): Promise<T> {
    const members = Object.entries(request).filter(([, value]) => value !== undefined);
    const { response, text } = await this.#post(
      `{${members.map(([key, value]) => `"${key}":${toJson(value, key)}`).join()}}`,
    );
    const body = parseJson(response, text);
    if (response.ok && isExpected(body)) return body;
    throw isErrorResponse(body) ? refusedBy(response, body) : invalidResponse(response);
  }

  async #post(body: string): Promise<{ response: Response; text: string }> {
    const send = this.#fetch ?? fetch; // Called as a plain function: browsers refuse it as a method of another object.
    try {
      const response = await send(this.#url, {
        method: "POST",
        headers: { authorization: this.#authorization, "content-type": "application/json" },
        body,
      });
      return { response, text: await response.text() };
    } catch (cause) {
      throw new PostgateError({ code: "NETWORK_ERROR", message: "No answer from the gateway", cause });
    }
  }
}

/** fetch would name the whole token in its error, so what no header may carry is refused here. */
function printableToken(token: string): string {
  const trimmed = token.trim();
  if (/^[!-~]+$/.test(trimmed)) return trimmed;
  throw new TypeError("The token is empty or holds a character that cannot be sent");
}

function parseJson(response: Response, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalidResponse(response, cause);
  }
}

function isQueryResponse<Row>(body: unknown): body is PostgateQueryResponse<Row> {
  return isObject(body) && Array.isArray(body["rows"]) && typeof body["row_count"] === "number";
}

function isBatchResponse<Row>(body: unknown): body is PostgateBatchResponse<Row> {
  return isObject(body) && Array.isArray(body["results"]) && body["results"].every(isQueryResponse);
}

function isErrorResponse(body: unknown): body is PostgateErrorResponse {
  return isObject(body) && typeof body["error"] === "string" && typeof body["code"] === "string";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function refusedBy(response: Response, { error, code, ...details }: PostgateErrorResponse): PostgateError {
  return new PostgateError({ code, message: error, details, ...factsOf(response) });
}

/** A success or a failure that is not of the gateway's form, a proxy's page for one. */
function invalidResponse(response: Response, cause?: unknown): PostgateError {
  const message = `HTTP ${response.status}, but not an answer of Postgate: check the address and what is in between`;
  return new PostgateError({ code: "INVALID_RESPONSE", message, cause, ...factsOf(response) });
}

function factsOf({
  status,
  headers,
}: Response): Pick<PostgateErrorOptions, "status" | "requestId" | "retryAfterSeconds"> {
  const retryAfter = headers.get("retry-after");
  return {
    status,
    requestId: headers.get("x-request-id") ?? undefined,
    retryAfterSeconds: retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined,
  };
}
