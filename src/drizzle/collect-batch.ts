// Queries of Drizzle's builders → one batch. A builder gives its SQL away only by running it, so each is run against a database
// that keeps what it is asked for until all have asked, and answers them when the batch has.

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
    const result = Promise.resolve(query); // Runs it.
    result.catch(() => undefined); // Told below.
    results.push(result);
    asked.push(await Promise.race([next, result.then(neverAsked)]));
  }
  try {
    await answerAll(client, asked);
  } catch (error) {
    for (const { fail } of asked) fail(error);
    // Drizzle tells which query failed; of one that is none's, such as the commit's, it would name a wrong one.
    const failed =
      error instanceof PostgateError && error.statement !== undefined ? results[error.statement] : undefined;
    throw (await failed?.catch((told: unknown) => told)) ?? error;
  }
  return Promise.all(results);
}

/** Objects where Drizzle maps nothing; a batch has one form for all, and arrays lose nothing. */
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
