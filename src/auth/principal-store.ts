// Looks up the principal of a token in the metadata.

import { GatewayError } from "../base/errors.ts";
import { isPermission } from "../base/permissions.ts";
import { databaseNotFound, parseTenant } from "../tenants/parse-tenant.ts";
import { LIMIT_COLUMNS } from "../tenants/tenant-limits.ts";
import type { SealingKeys } from "../tenants/sealing.ts";
import { batchLookups } from "./batch-lookups.ts";
import type { MetadataQuery, Row } from "./metadata-query.ts";
import type { LoadPrincipal } from "./principal-cache.ts";
import { accessModeOf, type Principal } from "./principal.ts";
import type { TokenHash } from "./token.ts";

/**
 * The tables may be an operator's own views without our newer columns, so `expires_at` and the limits are read through JSON, which
 * gives null for a missing column. The name of a schema that does not exist is null, so its tenant is not found.
 */
const findPrincipal = (server: string) => ({
  name: "find_principal",
  text: `
    select ${server} as server, token.token_hash, token.id::text as token_id, token.token_prefix, token.allowed_operations::text[] as permissions,
      (extract(epoch from (pg_catalog.to_jsonb(token) ->> 'expires_at')::timestamptz) - extract(epoch from pg_catalog.now()))::float8
        * 1000 as expires_in_ms,
      database.id::text as id, database.name, database.backend_type, database.connection_string, database.max_rows,
      (select pg_catalog.jsonb_object_agg(key, value) from pg_catalog.jsonb_each(pg_catalog.to_jsonb(database))
       where key = any ($2::text[])) as limits,
      (select nspname::text from pg_catalog.pg_namespace
       where oid = pg_catalog.to_regnamespace(pg_catalog.quote_ident(database.schema_name))::oid) as schema_name
    from public.postgate_tokens as token
    left join public.postgate_databases as database on database.id = token.database_id
    where token.token_hash = any ($1::text[])
      and coalesce((pg_catalog.to_jsonb(token) ->> 'expires_at')::timestamptz > pg_catalog.now(), true)`,
});

const FIND_UNRECORDED = findPrincipal("null");
const FIND_RECORDED = findPrincipal("(select public.postgate_rights_server())");

const RECORD_USES = {
  name: "record_uses",
  text: "update public.postgate_tokens set last_used_at = pg_catalog.now() where id = any ($1::uuid[])",
} as const;

export interface PrincipalStoreOptions {
  readonly keys: SealingKeys;
  /** True when the metadata tables are our own and have the triggers that record changes. */
  readonly areChangesRecorded: boolean;
}

/**
 * @throws (in the returned promise) GatewayError DATABASE_NOT_FOUND when the token is valid but its database is gone, and
 * UNAVAILABLE when the metadata cannot be read or the database's connection string cannot be unsealed.
 */
export function createPrincipalStore(
  query: MetadataQuery,
  { keys, areChangesRecorded }: PrincipalStoreOptions,
): LoadPrincipal {
  const find = areChangesRecorded ? FIND_RECORDED : FIND_UNRECORDED;
  const findRow = batchLookups(async (hashes: readonly TokenHash[]) => {
    const rows = await query(find, [hashes, LIMIT_COLUMNS]);
    return new Map(rows.map((row) => [row["token_hash"] as TokenHash, row]));
  }, isDataException);
  return async (hash) => {
    const row = await findRow(hash).catch((cause: unknown) => {
      throw new GatewayError("UNAVAILABLE", "The database of tokens cannot be reached", { cause });
    });
    if (row === undefined) return undefined;
    const server = (row["server"] as string | null) ?? undefined;
    return { principal: toPrincipal(row, keys), expiresInMs: Number(row["expires_in_ms"] ?? Infinity), server };
  };
}

/** SQLSTATE class 22: one row of an operator's view has a value that cannot be converted to the type we read. */
function isDataException(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("22");
}

/** Returns a function that sets `last_used_at` of tokens to the current time. */
export function createUseWriter(query: MetadataQuery): (tokenIds: readonly string[]) => Promise<void> {
  return async (tokenIds) => {
    await query(RECORD_USES, [tokenIds]);
  };
}

function toPrincipal(row: Row, keys: SealingKeys): Principal {
  if (row["id"] === null) throw databaseNotFound();
  const listed = Array.isArray(row["permissions"]) ? (row["permissions"] as unknown[]) : [];
  const permissions = new Set(listed.filter(isPermission));
  return {
    tokenId: String(row["token_id"]),
    tokenPrefix: String(row["token_prefix"]),
    permissions,
    access: accessModeOf(permissions),
    tenant: parseTenant(row, keys),
  };
}
