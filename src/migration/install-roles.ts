// Runs the statements that planInstallation() found missing, and sets passwords for the logins.

import type { ClientBase } from "pg";
import { withLockedTransaction, withTransaction } from "../postgres/locked-transaction.ts";
import { readPasswords, renewPassword } from "./login-passwords.ts";
import { MigrationError } from "./migration-error.ts";
import { planInstallation, type PlanOptions } from "./plan-installation.ts";
import type { ServerFacts } from "./server-facts.ts";

interface Missing {
  readonly statements: readonly string[];
  readonly logins: readonly string[];
}

/** Installs the missing roles, and returns the logins' passwords by role name. Takes no lock when nothing is missing. */
export async function installRoles(
  client: ClientBase,
  facts: ServerFacts,
  options: PlanOptions,
): Promise<ReadonlyMap<string, string>> {
  const missing = await withTransaction(client, () => findMissing(client, options));
  if (missing.statements.length > 0 || missing.logins.length > 0) {
    requireRights(facts, missing);
    await withLockedTransaction(client, async () => {
      const { statements, logins } = await findMissing(client, options);
      for (const statement of statements) await client.query(statement);
      for (const login of logins) await renewPassword(client, login);
      await requireCreatableSchemas(client, facts, options);
    });
  }
  return withTransaction(client, () => readPasswords(client));
}

async function findMissing(client: ClientBase, options: PlanOptions): Promise<Missing> {
  const { auth, exec } = options.roles;
  const statements = await planInstallation(client, options);
  const passwords = await readPasswords(client);
  const logins = (options.makesExecLogin ? [auth, exec] : [auth]).filter(
    // A login that is created again has no password, even if one is recorded for it.
    (login) => !passwords.has(login) || statements.some((statement) => statement.startsWith(`create role ${login} `)),
  );
  return { statements, logins };
}

function requireRights(facts: ServerFacts, missing: Missing): void {
  if (facts.mayCreateRoles || !missing.statements.some((statement) => statement.startsWith("create role "))) return;
  throw new MigrationError(
    `"${facts.login}" may not create roles: run ALTER ROLE "${facts.login}" CREATEROLE as a superuser, or use another login`,
  );
}

/** PostgreSQL only warns when a login grants a right that it may not grant, so the result is checked here. */
async function requireCreatableSchemas(client: ClientBase, facts: ServerFacts, { roles }: PlanOptions): Promise<void> {
  const { rows } = await client.query<{ may: boolean }>(
    "select has_database_privilege($1, current_database(), 'CREATE') as may",
    [roles.owner],
  );
  if (rows[0]?.may === true) return;
  throw new MigrationError(
    `"${facts.login}" may not let others create schemas in "${facts.databaseName}": make it the database's owner`,
  );
}
