import { DEFAULT_PERMISSIONS, type Permission } from "../base/permissions.ts";
import type { PostgateQueryResponse } from "../base/api-types.ts";
import { PostgateClient } from "./postgate-client.ts";

export interface CreatedDatabase {
  readonly id: string;
  readonly schema_name: string;
}

export interface CreatedToken {
  readonly id: string;
  /** Shown this once: the gateway keeps only its hash. */
  readonly token: string;
}

export interface TokenOptions {
  /** An interval as PostgreSQL reads it, such as `30 days`; without it the token lives until it is deleted. */
  readonly expiresIn?: string;
}

/** Makes and removes tenants' databases and tokens. Needs a token of the admin database. */
export class PostgateAdminClient extends PostgateClient {
  createDatabase(name: string, maxRows = 1000): Promise<PostgateQueryResponse<CreatedDatabase>> {
    return this.query("SELECT * FROM create_tenant_database($1, $2)", [name, maxRows]);
  }

  /** The row says false when there is no such database. */
  deleteDatabase(id: string): Promise<PostgateQueryResponse<{ readonly delete_tenant_database: boolean }>> {
    return this.query("SELECT delete_tenant_database($1)", [id]);
  }

  // eslint-disable-next-line max-params -- the first three are the original client's, and have their places
  createToken(
    databaseId: string,
    name = "default",
    permissions: readonly Permission[] = DEFAULT_PERMISSIONS,
    { expiresIn }: TokenOptions = {},
  ): Promise<PostgateQueryResponse<CreatedToken>> {
    const params = [databaseId, name, permissions];
    if (expiresIn === undefined) return this.query("SELECT * FROM create_tenant_token($1, $2, $3)", params);
    return this.query("SELECT * FROM create_tenant_token($1, $2, $3, $4)", [...params, expiresIn]);
  }

  /** A new secret for a token, which keeps its id. The one before works for `overlap` on, by default not at all. */
  rotateToken(id: string, overlap = "0"): Promise<PostgateQueryResponse<CreatedToken>> {
    return this.query("SELECT * FROM rotate_tenant_token($1, $2)", [id, overlap]);
  }

  /** The row says false when there is no such token. */
  deleteToken(id: string): Promise<PostgateQueryResponse<{ readonly delete_tenant_token: boolean }>> {
    return this.query("SELECT delete_tenant_token($1)", [id]);
  }
}
