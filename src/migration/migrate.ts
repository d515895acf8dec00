// Makes a database ready for the gateway: tables and functions, the gateway's roles and logins, every tenant's roles.
// The same path serves an empty database, one of the original Postgate, a restored dump and a clone. It leaves a database
// that is ready as it is.

import type { ClientBase } from "pg";
import { connect } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { loadSchemaTenants } from "../tenants/load-schema-tenants.ts";
import { withTransaction } from "../postgres/locked-transaction.ts";
import { provisionTenants, type ProvisioningFailure } from "../tenants/provision-tenant.ts";
import type { SchemaTenant } from "../tenants/plan-tenants.ts";
import { installationRolesOf, type InstallationRoles } from "../tenants/role-names.ts";
import { sweepRoles } from "../tenants/sweep-roles.ts";
import { applyMigrations, ensurePrivateSchema } from "./apply-migrations.ts";
import { type Danger, findDangers } from "./find-dangers.ts";
import { removeForeignRights } from "./foreign-rights.ts";
import { type ExtensionNames, installExtensions } from "./install-extensions.ts";
import { installRoles } from "./install-roles.ts";
import { keepLockdown, type LockdownState } from "./lockdown.ts";
import { loadLockBound } from "./lock-bound.ts";
import { limitLogin } from "./login-limits.ts";
import { toLoginSettings } from "./login-passwords.ts";
import { MigrationError } from "./migration-error.ts";
import { loadMigrations } from "./migration-files.ts";
import { loadServerFacts, type ServerFacts } from "./server-facts.ts";

export interface MigrateOptions {
  /** True if tables and functions are the operator's own and must not change (POSTGATE_SKIP_MIGRATIONS). */
  readonly skipMigrations?: boolean;
  /** The operator's login for tenants' statements (POSTGATE_TENANT_DATABASE_URL). Postgate makes one if it is left out. */
  readonly tenantLogin?: ConnectionSettings | undefined;
  /** The extensions that tenants may use (POSTGATE_EXTENSIONS). */
  readonly extensions?: readonly string[];
  /** Stops the migration between two transactions, or within one, which is then rolled back. */
  readonly signal?: AbortSignal;
}

/** A database that is ready. */
export interface Installation {
  readonly roles: InstallationRoles;
  /** The login that looks tokens up and runs the admin database's statements. */
  readonly auth: ConnectionSettings;
  /** The login that runs tenants' statements. */
  readonly exec: ConnectionSettings;
  /** The names that extensions and the server add to the judge's lists. */
  readonly extensions: ExtensionNames;
  /** Tells whether PUBLIC's rights are taken away. */
  readonly lockdown: LockdownState;
  /** The reasons why tenants must not be served. */
  readonly dangers: readonly Danger[];
  /** Number of objects that one transaction of a tenant may lock while it changes its schema. Undefined if nothing counts them. */
  readonly lockBound: number | undefined;
  /** The names of the migrations that this call applied. */
  readonly applied: readonly string[];
  /** Tenants that could not be made ready. Their first use tries again. */
  readonly failures: readonly ProvisioningFailure[];
  /** The schemas of all tenants that are ready, by the tenant's id. */
  readonly ready: ReadonlyMap<string, string>;
}

/**
 * Makes the database ready. It is idempotent, and many instances may run it at once.
 *
 * @param operator the login that DATABASE_URL names: a superuser, or one that may create roles and owns the database
 * @throws ConnectionError when the database cannot be reached.
 * @throws MigrationError when the database cannot be made ready. Its message is one line that says what to do.
 * @throws the reason of `signal` when it is aborted.
 */
export async function migrate(operator: ConnectionSettings, options: MigrateOptions = {}): Promise<Installation> {
  const { signal } = options;
  const client = await connect(operator, signal && { signal });
  const breakOff = (): unknown => client.end(); // It cuts the connection, so a query that waits for an answer fails.
  signal?.addEventListener("abort", breakOff, { once: true });
  try {
    return await migrateOver(client, operator, options);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof MigrationError || !isDatabaseError(error)) throw error;
    throw new MigrationError(`"${operator.user}" could not make the database ready: ${error.message}`, {
      cause: error,
    });
  } finally {
    signal?.removeEventListener("abort", breakOff);
    await client.end();
  }
}

async function migrateOver(
  client: ClientBase,
  operator: ConnectionSettings,
  options: MigrateOptions,
): Promise<Installation> {
  const skipMigrations = options.skipMigrations ?? false;
  const facts = await withTransaction(client, () => loadServerFacts(client));
  requireUsableMetadata(facts, skipMigrations);
  await ensurePrivateSchema(client, facts);
  const applied = skipMigrations ? [] : await applyMigrations(client, await loadMigrations());
  const roles = rolesFor(facts, options.tenantLogin);
  const passwords = await installRoles(client, facts, {
    roles,
    ownsObjects: !skipMigrations,
    makesExecLogin: options.tenantLogin === undefined,
  });
  const tenants = await withTransaction(client, () => loadSchemaTenants(client));
  const failures = await provisionTenants(client, roles, tenants);
  await removeForeignRights(client, roles);
  await sweepRoles(client, roles);
  const extensions = await installExtensions(client, options.extensions ?? []);
  const lockdown = await keepLockdown(client, roles);
  if (options.tenantLogin === undefined) await limitLogin(client, roles.exec);
  const dangers = await withTransaction(client, () => findDangers(client, roles));
  const lockBound = await loadLockBound(client);
  const asLogin = (user: string): ConnectionSettings => toLoginSettings(operator, user, passwords);
  return {
    roles,
    auth: asLogin(roles.auth),
    exec: options.tenantLogin ?? asLogin(roles.exec),
    extensions,
    lockdown,
    dangers,
    lockBound,
    applied,
    failures,
    ready: readyOf(tenants, failures),
  };
}

function readyOf(
  tenants: readonly SchemaTenant[],
  failures: readonly ProvisioningFailure[],
): ReadonlyMap<string, string> {
  const failed = new Set<string>(failures.map(({ tenant }) => tenant.id));
  return new Map(tenants.filter(({ id }) => !failed.has(id)).map(({ id, schema }) => [id, schema]));
}

function requireUsableMetadata(facts: ServerFacts, skipMigrations: boolean): void {
  if (facts.metadata === "view" && !skipMigrations)
    throw new MigrationError("public.postgate_databases is a view of your own: set POSTGATE_SKIP_MIGRATIONS=true");
  if (facts.metadata === undefined && skipMigrations)
    throw new MigrationError("there is no public.postgate_databases: unset POSTGATE_SKIP_MIGRATIONS, or create it");
}

function rolesFor(facts: ServerFacts, tenantLogin: ConnectionSettings | undefined): InstallationRoles {
  const roles = installationRolesOf(facts.databaseOid);
  return tenantLogin === undefined ? roles : { ...roles, exec: tenantLogin.user };
}

function isDatabaseError(error: unknown): error is Error {
  return error instanceof Error && "severity" in error;
}
