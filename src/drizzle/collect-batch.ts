// Makes one batch of several queries of Drizzle's builders. A builder reveals its SQL only when it runs. So each query runs on a
// stand-in database that keeps the SQL, and answers only after the batch of all queries has been answered.

import { drizzle as drizzleOverProxy, type PgRemoteDatabase, type RemoteCallback } from "drizzle-orm/pg-proxy";
import type { DrizzleConfig } from "drizzle-orm";
import { type PostgateClient, PostgateError } from "../client/index.ts";

type Schema = Record<string, unknown>;
type Rows = Awaited<ReturnType<RemoteCallback>>["rows"];

interface Asked {
  readonly sql: string;
  readonly params: readonly unknown[];
  readonly method: "all" | "execute";
  readonly answer: (rows: Rows) => void;
  readonly fail: (error: unknown) => void;
}

export interface BatchOptions<TSchema extends Schema> {
  readonly client: Pick<PostgateClient, "batch">;
  readonly config: DrizzleConfig<TSchema>;
  readonly build: (database: PgRemoteDatabase<TSchema>) => readonly PromiseLike<unknown>[];
}

export async function collectBatch<TSchema extends Schema>(options: BatchOptions<TSchema>): Promise<unknown[]> {
  const { client, config, build } = options;
  let onAsked: (asked: Asked) => void = () => undefined;
  const database = drizzleOverProxy<TSchema>(
    (sql, params, method) =>
      new Promise((resolve, fail) => {
        onAsked({ sql, params, method, answer: (rows) => resolve({ rows }), fail });
      }),
    config,
  );
  const asked: Asked[] = [];
  const results: Promise<unknown>[] = [];
  for (const query of build(database)) {
    const next = new Promise<Asked>((resolve) => (onAsked = resolve));
    const result = Promise.resolve(query); // This runs the query.
    result.catch(() => undefined); // A failure is thrown below.
    results.push(result);
    asked.push(await Promise.race([next, result.then(neverAsked)]));
  }
  try {
    await answerAll(client, asked);
  } catch (error) {
    for (const { fail } of asked) fail(error);
    // Drizzle's own error names the query that failed. An error that belongs to no query, such as a failed commit, is thrown as it
    // is, because Drizzle would name a wrong query.
    const failed =
      error instanceof PostgateError && error.statement !== undefined ? results[error.statement] : undefined;
    throw (await failed?.catch((told: unknown) => told)) ?? error;
  }
  return Promise.all(results);
}

/**
 * Sends the batch and answers each query. All rows arrive as arrays, because a batch has one form for all of its results and
 * arrays keep columns of the same name. Drizzle maps the rows of "all" itself; the rows of "execute" become objects here.
 */
async function answerAll(client: Pick<PostgateClient, "batch">, asked: readonly Asked[]): Promise<void> {
  const statements = asked.map(({ sql, params }) => ({ sql, params }));
  const results = await client.batch<unknown[]>(statements, { row_mode: "array", fields: true });
  asked.forEach(({ method, answer }, index) => {
    const { rows = [], fields = [] } = results[index] ?? {};
    const toObject = (row: unknown[]): object => Object.fromEntries(fields.map(({ name }, at) => [name, row[at]]));
    answer(method === "all" ? rows : rows.map(toObject));
  });
}

function neverAsked(): never {
  throw new TypeError("A query of the batch was not made with the database that the batch gives");
}
