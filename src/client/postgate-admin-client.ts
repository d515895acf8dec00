import { DEFAULT_PERMISSIONS, type Permission } from "../base/permissions.ts";
import type { PostgateQueryResponse } from "../base/api-types.ts";
import { PostgateClient } from "./postgate-client.ts";

export interface CreatedDatabase {
  readonly id: string;
  readonly schema_name: string;
}

export interface CreatedToken {
  readonly id: string;
  /** The secret. It is shown only this once, because the gateway keeps only its hash. */
  readonly token: string;
}

export interface TokenOptions {
  /** An interval that PostgreSQL can read, such as `30 days`. Without it, the token works until it is deleted. */
  readonly expiresIn?: string;
}

/** Creates and deletes tenants' databases and tokens. It needs a token of the admin database. */
export class PostgateAdminClient extends PostgateClient {
  createDatabase(name: string, maxRows = 1000): Promise<PostgateQueryResponse<CreatedDatabase>> {
    return this.query("SELECT * FROM create_tenant_database($1, $2)", [name, maxRows]);
  }

  /** Deletes a database. The row holds false if there is no such database. */
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

  /** Replaces a token's secret and keeps its id. The old secret still works for the interval `overlap`, by default not at all. */
  rotateToken(id: string, overlap = "0"): Promise<PostgateQueryResponse<CreatedToken>> {
    return this.query("SELECT * FROM rotate_tenant_token($1, $2)", [id, overlap]);
  }

  /** Deletes a token. The row holds false if there is no such token. */
  deleteToken(id: string): Promise<PostgateQueryResponse<{ readonly delete_tenant_token: boolean }>> {
    return this.query("SELECT delete_tenant_token($1)", [id]);
  }
}
