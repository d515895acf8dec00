// The public entry of `postgate/kysely`.
export { batch, type BatchOptions, type BatchQuery } from "./batch.ts";
export { PostgateDialect, type PostgateDialectConfig } from "./postgate-dialect.ts";
export type { ParseValue } from "./type-parsers.ts";
