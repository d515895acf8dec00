// Reads what must be known about the server and the operator's login before anything is changed.

import type { ClientBase } from "pg";
import { MigrationError } from "./migration-error.ts";

export interface ServerFacts {
  readonly databaseOid: number;
  readonly databaseName: string;
  readonly login: string;
  readonly mayCreateRoles: boolean;
  /** True if postgate_private exists with both of its tables. */
  readonly hasPrivateSchema: boolean;
  /** The kind of public.postgate_databases. Undefined when it does not exist. */
  readonly metadata: "table" | "view" | undefined;
}

const OLDEST_MAJOR = 14;

const FACTS_SQL = `
select current_setting('server_version_num')::int as version,
       (select oid::text from pg_database where datname = current_database()) as database_oid,
       current_database() as database_name,
       current_user as login,
       (select rolsuper or rolcreaterole from pg_roles where rolname = current_user) as may_create_roles,
       pg_is_in_recovery() as is_standby,
       (select count(*) = 2 from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = 'postgate_private' and c.relname in ('migrations', 'logins')) as has_private_schema,
       (select c.relkind::text from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = 'public' and c.relname = 'postgate_databases') as metadata_kind`;

interface FactsRow {
  readonly version: number;
  readonly database_oid: string;
  readonly database_name: string;
  readonly login: string;
  readonly may_create_roles: boolean;
  readonly is_standby: boolean;
  readonly has_private_schema: boolean;
  readonly metadata_kind: string | null;
}

/**
 * Reads the facts.
 *
 * @throws MigrationError when the server is too old, or is a standby, which takes no changes.
 */
export async function loadServerFacts(client: ClientBase): Promise<ServerFacts> {
  const { rows } = await client.query<FactsRow>(FACTS_SQL);
  const [row] = rows;
  if (row === undefined) throw new MigrationError("the server gave no answer about itself");
  const major = Math.floor(row.version / 10_000);
  if (major < OLDEST_MAJOR)
    throw new MigrationError(`PostgreSQL ${major} is too old: Postgate needs ${OLDEST_MAJOR} or newer`);
  if (row.is_standby)
    throw new MigrationError("this server is a standby and takes no changes: connect to the primary server");
  return {
    databaseOid: Number(row.database_oid),
    databaseName: row.database_name,
    login: row.login,
    mayCreateRoles: row.may_create_roles,
    hasPrivateSchema: row.has_private_schema,
    metadata: toMetadata(row.metadata_kind),
  };
}

function toMetadata(kind: string | null): ServerFacts["metadata"] {
  if (kind === null) return undefined;
  return kind === "r" || kind === "p" ? "table" : "view";
}
