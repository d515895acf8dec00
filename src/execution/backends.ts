// Where a principal's statement runs: the shared database under the tenant's role, the admin database under the admin role,
// or the tenant's own database. In charge of which session and which limits that means; execution/ runs it.

import { LRUCache } from "lru-cache";
import type { AccessMode, Principal } from "../auth/principal.ts";
import { GatewayError } from "../base/errors.ts";
import type { DedicatedPools } from "./pool/dedicated-pools.ts";
import type { Executor } from "./execute.ts";
import { type ExecuteRequest, type Limits, TenantRoleMissing } from "./execute-request.ts";
import type { ResultSet } from "./results/result-set.ts";
import type { Session } from "./session.ts";
import type { Provisioner } from "../tenants/provisioner.ts";
import { quoteIdentifier } from "../postgres/quote-identifier.ts";
import type { SchemaTenant } from "../tenants/plan-tenants.ts";
import { type InstallationRoles, tenantRolesOf } from "../tenants/role-names.ts";
import { maxResultBytesOf } from "../tenants/tenant-limits.ts";
import type { Tenant } from "../tenants/tenant.ts";

export interface BackendOptions {
  readonly roles: InstallationRoles;
  /** Of extensions that tenants may use: searched after their own. */
  readonly sharedSchemas: readonly string[];
  /** On the login that may take the tenants' roles, and no other. */
  readonly shared: Executor;
  /** On the login that may take the admin role. */
  readonly admin: Executor;
  readonly dedicated: DedicatedPools;
  /** Makes the roles of tenants that came since the last migration. */
  readonly provisioner: Provisioner;
  /** By tenant, the schema that is its own since the start. */
  readonly ready: ReadonlyMap<string, string>;
  readonly limits: {
    readonly timeoutMs: number;
    readonly maxBytes: number;
    /** Objects that one transaction may lock while it changes its schema; undefined where nothing counts them. */
    readonly maxLocks: number | undefined;
  };
}

/** Runs a request on the principal's backend, as its role, within its limits. */
export type ExecuteForPrincipal = (
  principal: Principal,
  request: Omit<ExecuteRequest, "session" | "limits">,
) => Promise<readonly ResultSet[]>;

const MAX_REMEMBERED_TENANTS = 20_000;
const MAX_REFUSALS = 1_000;
const REFUSAL_MS = 1_000;
const INSUFFICIENT_PRIVILEGE = "42501";

export function createBackends(options: BackendOptions): ExecuteForPrincipal {
  const { shared, dedicated } = options;
  const { provision } = options.provisioner;
  const contextOf = createContexts(options);
  const followSchema = createSchemaFollower(options);

  async function executeShared(request: ExecuteRequest, tenant: SchemaTenant, context: Context) {
    if (!context.isFollowed) await followSchema(tenant);
    context.isFollowed = true;
    try {
      return await shared.execute(request);
    } catch (error) {
      if (!(error instanceof TenantRoleMissing)) throw error;
    }
    await provision(tenant); // Nothing has run: the roles come first.
    return shared.execute(request);
  }

  return (principal, { statements, isBatch, transaction, accept, signal, requireRights }) => {
    const { tenant } = principal;
    const context = contextOf(principal);
    const { session, limits } = context;
    const request = { statements, isBatch, transaction, accept, signal, requireRights, session, limits }; // Spreading costs several µs.
    switch (tenant.backend.kind) {
      case "schema":
        return executeShared(request, { id: tenant.id, schema: tenant.backend.schema }, context);
      case "admin":
        return executeAdmin(request, options);
      case "dedicated":
        return dedicated.execute({ id: tenant.id, connection: tenant.backend.connection }, request);
    }
  };
}

/** Makes sure, once for each tenant and schema, that the schema is the tenant's. */
function createSchemaFollower({
  provisioner: { provision },
  ready,
}: BackendOptions): (tenant: SchemaTenant) => Promise<void> {
  /** By tenant, the schemas that its row has named. */
  const schemas = new LRUCache<string, Set<string>>({ max: MAX_REMEMBERED_TENANTS });

  /** Refusals of the last second: a row that names what is not its own costs the operator's login no more than that. */
  const refusals = new LRUCache<string, GatewayError>({ max: MAX_REFUSALS, ttl: REFUSAL_MS });

  /**
   * Before the first statement on a schema, it is the tenant's own, or becomes so, or the row may not have it. A tenant that has
   * roles already would find in somebody else's schema what PUBLIC may read there.
   */
  async function followSchema(tenant: SchemaTenant): Promise<void> {
    const known = schemas.get(tenant.id) ?? new Set();
    schemas.set(tenant.id, known);
    if (known.has(tenant.schema)) return;
    if (ready.get(tenant.id) !== tenant.schema) await provisionOnce(tenant);
    known.add(tenant.schema);
  }

  async function provisionOnce(tenant: SchemaTenant): Promise<void> {
    const key = `${tenant.id} ${tenant.schema}`;
    const refusal = refusals.get(key);
    if (refusal !== undefined) throw refusal;
    await provision(tenant).catch((error: unknown) => {
      if (error instanceof GatewayError && error.code === "DATABASE_NOT_FOUND") refusals.set(key, error);
      throw error;
    });
  }

  return followSchema;
}

interface Context extends Pick<ExecuteRequest, "session" | "limits"> {
  /** The roles may use the schema that the principal's row names. */
  isFollowed: boolean;
}

/** What a principal's statements run under: told once, for as long as the principal is remembered. */
function createContexts(options: BackendOptions): (principal: Principal) => Context {
  const contexts = new WeakMap<Principal, Context>();
  return (principal) => {
    const known = contexts.get(principal);
    if (known !== undefined) return known;
    const context = {
      session: sessionOf(principal, options),
      limits: limitsOf(principal.tenant, options.limits),
      isFollowed: false,
    };
    contexts.set(principal, context);
    return context;
  };
}

/** `delete_tenant_database` may drop what the owner owns; until its first use, an operator's own schema is the operator's. */
async function executeAdmin(
  request: ExecuteRequest,
  { admin, provisioner }: BackendOptions,
): Promise<readonly ResultSet[]> {
  try {
    return await admin.execute(request);
  } catch (error) {
    if (!lacksRight(error) || !(await provisioner.provisionAll())) throw error;
  }
  return admin.execute(request); // PostgreSQL has rolled back what it refused.
}

function lacksRight(error: unknown): boolean {
  return error instanceof GatewayError && error.details.sqlstate === INSUFFICIENT_PRIVILEGE;
}

/**
 * A tenant's own limits only narrow those of the gateway. A dedicated database has a lock table that no other tenant needs, so
 * its schema is not guarded.
 */
function limitsOf(
  { maxRows, limits: own, backend }: Tenant,
  { timeoutMs, maxBytes, maxLocks }: BackendOptions["limits"],
): Limits {
  const isGuarded = backend.kind === "schema" && maxLocks !== undefined;
  return {
    schema: isGuarded ? { maxRelations: own.maxRelations, maxLocks } : undefined,
    maxRows,
    timeoutMs: Math.min(timeoutMs, own.statementTimeoutMs ?? timeoutMs),
    maxBytes: maxResultBytesOf(own, maxBytes),
  };
}

/** `pg_temp` last: no temporary table can stand in for a tenant's own. */
function sessionOf({ tenant, access, permissions }: Principal, { roles, sharedSchemas }: BackendOptions): Session {
  const { id, backend } = tenant;
  const hidesValues = !permissions.has("SELECT");
  const common = { tenant: id, key: `${id} ${access}`, readOnly: access === "read-only", hidesValues };
  switch (backend.kind) {
    case "schema":
      return {
        ...common,
        role: tenantRole(tenant, access, roles),
        searchPath: [...[backend.schema, ...sharedSchemas].map(quoteIdentifier), "pg_temp"].join(", "),
      };
    case "admin":
      return { ...common, role: roles.admin, searchPath: "public, pg_temp" };
    case "dedicated":
      return { ...common, role: undefined, searchPath: undefined };
  }
}

function tenantRole({ id }: Tenant, access: AccessMode, { databaseOid }: InstallationRoles): string {
  const { owner, readWrite } = tenantRolesOf(databaseOid, id);
  return access === "owner" ? owner : readWrite;
}
