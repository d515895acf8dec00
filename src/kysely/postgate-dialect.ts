// Kysely over Postgate. It compiles as Kysely's PostgreSQL dialect does, and replaces what needs a session or the system catalogs.

import { type Dialect, type Kysely, PostgresQueryCompiler } from "kysely";
import type { PostgateClient } from "../client/index.ts";
import { PostgateAdapter } from "./postgate-adapter.ts";
import { PostgateDriver } from "./postgate-driver.ts";
import { PostgateIntrospector } from "./postgate-introspector.ts";
import { type ParseValue, TYPE_PARSERS } from "./type-parsers.ts";

export interface PostgateDialectConfig {
  /** The client of the database that the queries are for. */
  readonly client: Pick<PostgateClient, "query" | "batch">;
  /** Value parsers by PostgreSQL's name of the type (`int8`). They replace the default of that type. */
  readonly types?: Readonly<Record<string, ParseValue>>;
  /** Maximum time in milliseconds that a Migrator waits for another one to finish. */
  readonly migrationLockTimeoutMs?: number;
}

const MIGRATION_LOCK_TIMEOUT_MS = 60_000;

export class PostgateDialect implements Dialect {
  readonly #config: PostgateDialectConfig;

  constructor(config: PostgateDialectConfig) {
    this.#config = config;
  }

  createDriver(): PostgateDriver {
    const { client, types } = this.#config;
    return new PostgateDriver(client, new Map(Object.entries({ ...TYPE_PARSERS, ...types })));
  }

  createQueryCompiler(): PostgresQueryCompiler {
    return new PostgresQueryCompiler();
  }

  createAdapter(): PostgateAdapter {
    return new PostgateAdapter(this.#config.migrationLockTimeoutMs ?? MIGRATION_LOCK_TIMEOUT_MS);
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Kysely's own signature
  createIntrospector(db: Kysely<any>): PostgateIntrospector {
    return new PostgateIntrospector(db);
  }
}
