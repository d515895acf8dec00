// The public entry of `postgate/drizzle`.
export { drizzle, type PostgateDatabase } from "./drizzle.ts";
export { migrate, type MigrateOptions } from "./migrate.ts";
