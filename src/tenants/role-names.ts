// The names of PostgreSQL roles. Roles belong to the whole server, so each name carries the database's oid: several Postgate
// databases on one server, clones included, never share one.

import type { DatabaseId } from "./tenant.ts";

/** The roles of one installation, whatever its tenants are. */
export interface InstallationRoles {
  /** The oid of the shared database, which all names carry. */
  readonly databaseOid: number;
  /** Owns the metadata, the admin functions and every tenant's schema; logs in nowhere. */
  readonly owner: string;
  /** Runs the admin database's statements. */
  readonly admin: string;
  /** The login that looks tokens up and may take the admin role. */
  readonly auth: string;
  /** The login that may take the tenants' roles, and has no other right. */
  readonly exec: string;
  /** Stands in for PUBLIC, whose rights a lock-down takes away: what it had is granted to this role. */
  readonly formerPublic: string;
}

/** The two roles of one tenant. */
export interface TenantRoles {
  /** Owns what is in the schema, for tokens that may do DDL. */
  readonly owner: string;
  /** Reads and writes rows, for all other tokens. */
  readonly readWrite: string;
}

export function installationRolesOf(databaseOid: number): InstallationRoles {
  return {
    databaseOid,
    owner: `postgate_owner_${databaseOid}`,
    admin: `postgate_admin_${databaseOid}`,
    auth: `postgate_auth_${databaseOid}`,
    exec: `postgate_exec_${databaseOid}`,
    formerPublic: `postgate_public_${databaseOid}`,
  };
}

export function tenantRolesOf(databaseOid: number, id: DatabaseId): TenantRoles {
  const owner = `postgate_t${databaseOid}_${id.replaceAll("-", "")}`;
  return { owner, readWrite: `${owner}_rw` };
}
