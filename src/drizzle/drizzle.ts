// Runs Drizzle on its driver for HTTP proxies: each query goes to POST /query, and its rows come back as arrays. HTTP has no session,
// so there are no interactive transactions; `batch` takes their place.

import { drizzle as drizzleOverProxy, type PgRemoteDatabase } from "drizzle-orm/pg-proxy";
import type { DrizzleConfig } from "drizzle-orm";
import type { PostgateClient } from "../client/index.ts";
import { collectBatch } from "./collect-batch.ts";

type Schema = Record<string, unknown>;
type Queries = readonly PromiseLike<unknown>[];

export interface PostgateDatabase<TSchema extends Schema = Record<string, never>> extends PgRemoteDatabase<TSchema> {
  /**
   * Runs the queries that `build` makes in one transaction: all of them happen, or none. They must be made with the database that
   * `build` receives, and none can depend on the result of another.
   */
  batch<T extends Queries | []>(
    build: (database: PgRemoteDatabase<TSchema>) => T,
  ): Promise<{ -readonly [Key in keyof T]: Awaited<T[Key]> }>;
}

/** @param client sends the statements to the database of its token */
export function drizzle<TSchema extends Schema = Record<string, never>>(
  client: Pick<PostgateClient, "query" | "batch">,
  config: DrizzleConfig<TSchema> = {},
): PostgateDatabase<TSchema> {
  const database = drizzleOverProxy<TSchema>(async (sql, params, method) => {
    const { rows } = await client.query(sql, params, formOf(method));
    return { rows };
  }, config);
  return Object.assign(database, {
    async batch<T extends Queries | []>(build: (database: PgRemoteDatabase<TSchema>) => T) {
      const results = await collectBatch<TSchema>({ client, config, build });
      // There is one result for each query, as the query's own builder has mapped it.
      return results as { -readonly [Key in keyof T]: Awaited<T[Key]> };
    },
  });
}

/** Drizzle maps arrays to the columns that it asked for. A raw `execute` returns the rows to its caller unchanged, as objects. */
function formOf(method: "all" | "execute"): { readonly row_mode: "array" | "object" } {
  return { row_mode: method === "all" ? "array" : "object" };
}
