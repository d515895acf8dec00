// The passwords of the logins that Postgate makes: made once, kept where only the operator's login can read them, so that
// every instance finds them.

import { randomBytes } from "node:crypto";
import type { ClientBase } from "pg";
import { connect } from "../postgres/connect.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { toScramVerifier } from "../postgres/scram-verifier.ts";

/** By role name; a login without one is not in it. */
export async function readPasswords(client: ClientBase): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ role_name: string; password: string }>(
    "select role_name, password from postgate_private.logins",
  );
  return new Map(rows.map(({ role_name, password }) => [role_name, password]));
}

/** Gives the login a new password. `roleName` is one of InstallationRoles: it needs no quoting. */
export async function renewPassword(client: ClientBase, roleName: string): Promise<void> {
  const password = randomBytes(32).toString("hex");
  // The verifier is base64 and punctuation: no quote can be in it.
  await client.query(`alter role ${roleName} password '${toScramVerifier(password)}'`);
  await client.query(
    `insert into postgate_private.logins (role_name, password) values ($1, $2)
     on conflict (role_name) do update set password = excluded.password`,
    [roleName, password],
  );
}

/** The way in as this login. Its password is the one that was read last: a command may change it while instances run. */
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
