import type { Config } from "../config/load-config.ts";
import { renewPassword } from "../migration/login-passwords.ts";
import { withLockedTransaction } from "../postgres/locked-transaction.ts";
import type { CommandContext } from "./terminal.ts";
import { withInstallation } from "./with-installation.ts";

/** Gives the logins that Postgate made new passwords. Running instances read them when the server refuses the old ones. */
export async function rotatePasswords(config: Config, { terminal, signal }: CommandContext): Promise<void> {
  await withInstallation(config, signal, async ({ client, installation: { roles } }) => {
    const logins = config.tenantConnection === undefined ? [roles.auth, roles.exec] : [roles.auth];
    await withLockedTransaction(client, async () => {
      for (const login of logins) await renewPassword(client, login);
    });
    for (const login of logins) terminal.print(`Changed the password of ${login}`);
  });
}
