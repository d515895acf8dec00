import { DEFAULT_PERMISSIONS, type Permission } from "../permissions.ts";
import type { PostgateQueryResponse } from "../protocol.ts";
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

/** Makes and removes tenants' databases and tokens. Needs a token of the admin database. */
export class PostgateAdminClient extends PostgateClient {
  createDatabase(name: string, maxRows = 1000): Promise<PostgateQueryResponse<CreatedDatabase>> {
    return this.query("SELECT * FROM create_tenant_database($1, $2)", [name, maxRows]);
  }

  /** The row says false when there is no such database. */
  deleteDatabase(id: string): Promise<PostgateQueryResponse<{ readonly delete_tenant_database: boolean }>> {
    return this.query("SELECT delete_tenant_database($1)", [id]);
  }

  createToken(
    databaseId: string,
    name = "default",
    permissions: readonly Permission[] = DEFAULT_PERMISSIONS,
  ): Promise<PostgateQueryResponse<CreatedToken>> {
    return this.query("SELECT * FROM create_tenant_token($1, $2, $3)", [databaseId, name, permissions]);
  }

  /** The row says false when there is no such token. */
  deleteToken(id: string): Promise<PostgateQueryResponse<{ readonly delete_tenant_token: boolean }>> {
    return this.query("SELECT delete_tenant_token($1)", [id]);
  }
}
