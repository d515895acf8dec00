// Builds the names of PostgreSQL roles. Roles belong to the whole server, so each name contains the database's oid: several
// Postgate databases on one server, including clones, never share a role.

import type { DatabaseId } from "./tenant.ts";

/** The roles of one installation, without those of its tenants. */
export interface InstallationRoles {
  /** The oid of the shared database, which all names contain. */
  readonly databaseOid: number;
  /** Owns the metadata, the admin functions and every tenant's schema. It cannot log in. */
  readonly owner: string;
  /** Runs the admin database's statements. */
  readonly admin: string;
  /** The login that looks tokens up and may take the admin role. */
  readonly auth: string;
  /** The login that may take the tenants' roles, and has no other right. */
  readonly exec: string;
  /** Replaces PUBLIC after a lock-down: the rights that PUBLIC had are granted to this role. */
  readonly formerPublic: string;
}

/** The two roles of one tenant. */
export interface TenantRoles {
  /** Owns the objects in the schema. It serves tokens that may do DDL. */
  readonly owner: string;
  /** Reads and writes rows. It serves all other tokens. */
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
