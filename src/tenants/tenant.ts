import type { Brand } from "../base/brand.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import type { TenantLimits } from "./tenant-limits.ts";

export type DatabaseId = Brand<string, "DatabaseId">;
export type SchemaName = Brand<string, "SchemaName">;

/** The seed row: its tokens call the admin functions and read and write the two metadata tables. */
export const ADMIN_DATABASE_ID = "00000000-0000-0000-0000-000000000000" as DatabaseId;

/** Of a database for which nothing else was said: the default of the column and of `create-db`. */
export const DEFAULT_MAX_ROWS = 1_000;

export type Backend =
  | { readonly kind: "schema"; readonly schema: SchemaName }
  | { readonly kind: "dedicated"; readonly connection: ConnectionSettings }
  | { readonly kind: "admin" };

/** One row of `postgate_databases`. */
export interface Tenant {
  readonly id: DatabaseId;
  readonly name: string;
  readonly backend: Backend;
  /** Rows that one answer may have; undefined for no limit (an original's row with a negative number). */
  readonly maxRows: number | undefined;
  readonly limits: TenantLimits;
}
