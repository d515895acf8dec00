import type { Permission } from "../base/permissions.ts";
import type { Tenant } from "../tenants/tenant.ts";
import type { Token } from "./token.ts";

/**
 * The rights with which PostgreSQL itself runs a token's statements: `owner` may do DDL in the tenant's schema,
 * `read-write` may only read and write rows, `read-only` runs in a READ ONLY transaction.
 */
export type AccessMode = "owner" | "read-write" | "read-only";

/** Who sends a statement: a token that was found valid, and the tenant that it belongs to. */
export interface Principal {
  readonly tokenId: string;
  /** The first 8 characters of the token: the only part of it that may be logged. */
  readonly tokenPrefix: string;
  readonly permissions: ReadonlySet<Permission>;
  readonly access: AccessMode;
  readonly tenant: Tenant;
}

/**
 * Gives a principal that was looked up a moment ago at once.
 *
 * @throws GatewayError UNAUTHORIZED when no such token is valid now.
 * @throws GatewayError DATABASE_NOT_FOUND when the token's database is gone.
 * @throws GatewayError UNAVAILABLE when the look-up could not be made.
 */
export type Authenticate = (token: Token) => Principal | Promise<Principal>;
