import type { Config } from "../config/load-config.ts";
import { unlock } from "../migration/lockdown.ts";
import type { CommandContext } from "./terminal.ts";
import { withInstallation } from "./with-installation.ts";

/** Gives PUBLIC back the rights that a lock-down took. */
export async function unlockCommand(config: Config, { terminal, signal }: CommandContext): Promise<void> {
  await withInstallation(config, signal, async ({ client, installation: { roles } }) => {
    for (const statement of await unlock(client, roles)) terminal.print(`${statement};`);
  });
}
