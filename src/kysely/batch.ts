// Sends compiled queries as one batch. Kysely's plugins transform the queries when they are compiled, and the results here.

import type {
  CompiledQuery,
  DeleteResult,
  InsertResult,
  MergeResult,
  QueryExecutorProvider,
  QueryResult,
} from "kysely";
import type { UpdateResult } from "kysely";
import type { PostgateQueryOptions } from "../client/index.ts";
import { PostgateConnection } from "./postgate-driver.ts";

/** A query builder, `` sql`…` ``, or the result of `compile()`. */
export type BatchQuery<O = unknown> = CompiledQuery<O> | { compile(db: QueryExecutorProvider): CompiledQuery<O> };

/** Options of the transaction, spelled as in the HTTP body, and of the request: its timeout and retries. */
export type BatchOptions = Omit<PostgateQueryOptions, "row_mode" | "types" | "fields">;

type OutputOf<Query> = Query extends { compile(...args: never[]): CompiledQuery<infer O> }
  ? RowOf<O>
  : Query extends CompiledQuery<infer O>
    ? RowOf<O>
    : never;

/** The result types that builders derive from `numAffectedRows` are not rows. */
type RowOf<O> = O extends InsertResult | UpdateResult | DeleteResult | MergeResult ? never : O;

type Results<Queries> = { -readonly [Key in keyof Queries]: QueryResult<OutputOf<Queries[Key]>> };

/**
 * Runs the queries in one transaction: all of them or none. All queries are sent together, so none can depend on the result of
 * another.
 *
 * @throws PostgateError with `statement`, the number of the query that failed, from 0.
 */
export async function batch<const Queries extends readonly BatchQuery[]>(
  db: QueryExecutorProvider,
  queries: Queries,
  options: BatchOptions = {},
): Promise<Results<Queries>> {
  const executor = db.getExecutor();
  const compiled = queries.map((query) => ("compile" in query ? query.compile(db) : query));
  const results = await executor.provideConnection((connection) => {
    if (connection instanceof PostgateConnection) return connection.executeBatch(compiled, options);
    throw new TypeError("batch() takes a database that was made with the PostgateDialect");
  });
  const transformed = compiled.map((query, index) => {
    const answering = answeringWith(results[index] ?? { rows: [] });
    return executor.withConnectionProvider({ provideConnection: (use) => use(answering) }).executeQuery(query);
  });
  // There is one result for each query, in the same order.
  return (await Promise.all(transformed)) as Results<Queries>;
}

/** Stands in for a connection, so that an executor passes the result through its plugins. */
function answeringWith(result: QueryResult<unknown>): Pick<PostgateConnection, "executeQuery" | "streamQuery"> {
  return {
    executeQuery: <R>() => Promise.resolve(result as QueryResult<R>),
    streamQuery: () => {
      throw new TypeError("The result of a batch is no stream");
    },
  };
}
