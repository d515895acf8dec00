import type { Config } from "../config.ts";
import { examineWalls } from "../doctor/examine-walls.ts";
import { CommandError } from "./failure.ts";
import { printRows } from "./print-rows.ts";
import type { CommandContext } from "./terminal.ts";
import { withInstallation } from "./with-installation.ts";

/**
 * Shows which walls stand between tenants, found out by trying.
 *
 * @throws CommandError when one tenant can reach what is another's.
 */
export async function doctor(
  config: Config,
  { terminal, signal }: CommandContext,
  { json }: { readonly json: boolean },
): Promise<void> {
  const walls = await withInstallation(config, signal, ({ installation, operator }) =>
    examineWalls(operator, installation),
  );
  printRows(
    terminal,
    walls.map((wall) => ({ ...wall })),
    { json },
  );
  const missing = walls.filter(({ state }) => state === "missing");
  if (missing.length > 0)
    throw new CommandError(`tenants are not isolated: ${missing.map(({ wall }) => wall).join("; ")}`);
}
