import type { Brand } from "../base/brand.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import type { TenantLimits } from "./tenant-limits.ts";

export type DatabaseId = Brand<string, "DatabaseId">;
export type SchemaName = Brand<string, "SchemaName">;

/** The id of the row that every installation has. Its tokens call the admin functions and read and write the two metadata tables. */
export const ADMIN_DATABASE_ID = "00000000-0000-0000-0000-000000000000" as DatabaseId;

/** The row limit of a database that sets none: the default of the column and of `create-db`. */
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
  /** Maximum number of rows in one answer. Undefined for no limit, which a negative number in a row of the original Postgate means. */
  readonly maxRows: number | undefined;
  readonly limits: TenantLimits;
}
