// Makes the passwords of Postgate's own logins once, and keeps them in a table that only the operator's login can read, so
// that every instance finds them.

import { randomBytes } from "node:crypto";
import type { ClientBase } from "pg";
import { connect } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { toScramVerifier } from "../postgres/scram-verifier.ts";

/** Returns the passwords by role name. A login that has no password is not among them. */
export async function readPasswords(client: ClientBase): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ role_name: string; password: string }>(
    "select role_name, password from postgate_private.logins",
  );
  return new Map(rows.map(({ role_name, password }) => [role_name, password]));
}

/**
 * Sets a new password for the login, and records it.
 *
 * @param roleName one of InstallationRoles, which needs no quoting
 */
export async function renewPassword(client: ClientBase, roleName: string): Promise<void> {
  const password = randomBytes(32).toString("hex");
  // The verifier consists of base64 and punctuation, so it cannot hold a quote.
  await client.query(`alter role ${roleName} password '${toScramVerifier(password)}'`);
  await client.query(
    `insert into postgate_private.logins (role_name, password) values ($1, $2)
     on conflict (role_name) do update set password = excluded.password`,
    [roleName, password],
  );
}

/** Returns the settings to connect as this login. A command may change its password while instances run, so it can be read again. */
export function toLoginSettings(
  operator: ConnectionSettings,
  user: string,
  passwords: ReadonlyMap<string, string>,
): ConnectionSettings {
  let password = passwords.get(user);
  return {
    ...operator,
    user,
    get password() {
      return password;
    },
    async renewPassword() {
      const client = await connect(operator);
      try {
        password = (await readPasswords(client)).get(user);
        return password;
      } finally {
        await client.end();
      }
    },
  };
}
