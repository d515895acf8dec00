import type { Permission } from "../base/permissions.ts";
import type { Tenant } from "../tenants/tenant.ts";
import type { Token } from "./token.ts";

/**
 * The rights with which PostgreSQL itself runs a token's statements: `owner` may do DDL in the tenant's schema,
 * `read-write` may only read and write rows, `read-only` runs in a READ ONLY transaction.
 */
export type AccessMode = "owner" | "read-write" | "read-only";

/** The sender of a statement: a valid token, its permissions, and the tenant that it belongs to. */
export interface Principal {
  readonly tokenId: string;
  /** The first 8 characters of the token: the only part of it that may be logged. */
  readonly tokenPrefix: string;
  readonly permissions: ReadonlySet<Permission>;
  readonly access: AccessMode;
  readonly tenant: Tenant;
}

/**
 * Returns the principal of a token: at once if it was looked up a moment ago, and as a promise otherwise.
 *
 * @throws GatewayError UNAUTHORIZED when the token is not valid now.
 * @throws GatewayError DATABASE_NOT_FOUND when the token's database is gone.
 * @throws GatewayError UNAVAILABLE when the look-up failed.
 */
export type Authenticate = (token: Token) => Principal | Promise<Principal>;

/** Returns the weakest access mode in which every statement that `permissions` allow can still run. */
export function accessModeOf(permissions: ReadonlySet<Permission>): AccessMode {
  const holdsAny = (...wanted: Permission[]): boolean => wanted.some((permission) => permissions.has(permission));
  if (holdsAny("CREATE", "ALTER", "DROP")) return "owner";
  return holdsAny("INSERT", "UPDATE", "DELETE") ? "read-write" : "read-only";
}
