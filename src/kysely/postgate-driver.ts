// Implements Kysely's driver over HTTP. A connection is only the client: there is no session, so there is nothing to begin, commit or
// stream.

import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from "kysely";
import type { PostgateClient, PostgateQueryOptions } from "../client/index.ts";
import { toQueryResult } from "./to-query-result.ts";
import type { ParseValue } from "./type-parsers.ts";

type Client = Pick<PostgateClient, "query" | "batch">;
type Parsers = ReadonlyMap<string, ParseValue>;

export class PostgateDriver implements Driver {
  readonly #client: Client;
  readonly #parsers: Parsers;

  constructor(client: Client, parsers: Parsers) {
    this.#client = client;
    this.#parsers = parsers;
  }

  init(): Promise<void> {
    return Promise.resolve();
  }

  acquireConnection(): Promise<PostgateConnection> {
    return Promise.resolve(new PostgateConnection(this.#client, this.#parsers));
  }

  beginTransaction(): Promise<void> {
    return Promise.reject(noTransactions());
  }

  commitTransaction(): Promise<void> {
    return Promise.reject(noTransactions());
  }

  rollbackTransaction(): Promise<void> {
    return Promise.reject(noTransactions());
  }

  releaseConnection(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    return Promise.resolve();
  }
}

export class PostgateConnection implements DatabaseConnection {
  readonly #client: Client;
  readonly #parsers: Parsers;

  constructor(client: Client, parsers: Parsers) {
    this.#client = client;
    this.#parsers = parsers;
  }

  /** Kysely passes a signal since version 0.29. */
  async executeQuery<R>(
    { sql, parameters }: CompiledQuery,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<QueryResult<R>> {
    const options = { fields: true, ...(signal !== undefined && { signal }) };
    return toQueryResult(await this.#client.query<R>(sql, parameters, options), this.#parsers);
  }

  /** Runs all queries or none, and returns one result for each. */
  async executeBatch(
    queries: readonly CompiledQuery[],
    options: PostgateQueryOptions,
  ): Promise<readonly QueryResult<unknown>[]> {
    const statements = queries.map(({ sql, parameters }) => ({ sql, params: parameters }));
    const results = await this.#client.batch<unknown>(statements, { ...options, fields: true });
    return results.map((result) => toQueryResult(result, this.#parsers));
  }

  streamQuery(): AsyncIterableIterator<never> {
    throw new Error("Postgate answers a query as a whole: there is no stream() over HTTP. Page through with limit");
  }
}

function noTransactions(): Error {
  return new Error(
    "No transaction can wait for its client over HTTP: run queries atomically with batch() of postgate/kysely",
  );
}
