import type { Config } from "../config/load-config.ts";
import { lockDown, rehearseLockdown } from "../migration/lockdown.ts";
import type { CommandContext } from "./terminal.ts";
import { withInstallation } from "./with-installation.ts";

/** Takes rights away from PUBLIC. Before that, it grants them to everybody else who had them through PUBLIC. */
export async function lockdownCommand(
  config: Config,
  { terminal, signal }: CommandContext,
  { dryRun }: { readonly dryRun: boolean },
): Promise<void> {
  await withInstallation(config, signal, async ({ client, installation: { roles } }) => {
    const { statements, beyond } = await (dryRun ? rehearseLockdown : lockDown)(client, roles);
    for (const statement of statements) terminal.print(`${statement};`);
    if (statements.length === 0) terminal.note("Nothing is left to be taken away");
    if (beyond.length > 0)
      terminal.note(
        `warning: only a superuser can take ${beyond.length} more rights from PUBLIC; see "postgate doctor"`,
      );
  });
}
