import type { Config } from "../config/load-config.ts";
import { createGuards } from "../dedicated/create-guards.ts";
import { examineWalls } from "../doctor/examine-walls.ts";
import type { WallReport } from "../doctor/wall-report.ts";
import { CommandError } from "./failure.ts";
import { printRows } from "./print-rows.ts";
import type { CommandContext, Terminal } from "./terminal.ts";
import { withInstallation } from "./with-installation.ts";

/**
 * Tries each wall between tenants and prints the result.
 *
 * @throws CommandError when a wall is missing, so that one tenant can reach what belongs to another.
 */
export async function doctor(
  config: Config,
  { terminal, signal }: CommandContext,
  { json }: { readonly json: boolean },
): Promise<void> {
  const reports = await withInstallation(config, signal, ({ installation, operator }) =>
    examineWalls({
      operator,
      installation,
      keys: config.sealingKeys,
      queryTimeoutMs: config.queryTimeoutMs,
      guards: createGuards(operator, config.dedicatedHosts),
    }),
  );
  if (json)
    printRows(
      terminal,
      reports.map((report) => ({ ...report })),
      { json },
    );
  else printForPeople(terminal, reports);
  const missing = inState(reports, "missing");
  if (missing.length > 0) throw new CommandError(`tenants are not isolated: ${namesOf(missing).join("; ")}`);
}

const STATES = ["missing", "weaker", "standing"] as const;

function inState(reports: readonly WallReport[], state: WallReport["state"]): readonly WallReport[] {
  return reports.filter((report) => report.state === state);
}

function namesOf(reports: readonly WallReport[]): readonly string[] {
  return [...new Set(reports.map(({ wall }) => wall))];
}

/** Prints the walls, the worst first, each with its reason. Then prints each remedy once, with all walls that it raises. */
function printForPeople(terminal: Terminal, reports: readonly WallReport[]): void {
  const print = (line: string): void => terminal.print(line.replaceAll(/\p{Cc}/gu, "?")); // Names are not Postgate's own and may hold control characters.
  print("Walls in PostgreSQL behind the SQL policy, tried as a tenant's role with no policy in front:");
  for (const report of STATES.flatMap((state) => inState(reports, state))) {
    print(`  ${report.state.padEnd(9)} ${report.wall}`);
    if (report.why !== null) print(`            ${report.why}`);
    if (report.tried !== null) print(`            not refused: ${report.tried}`);
  }
  const remedies = new Set(reports.map(({ raise }) => raise).filter((raise) => raise !== null));
  if (remedies.size > 0) print("What raises them:");
  for (const remedy of remedies) {
    print(`  ${remedy}`);
    print(`            for: ${namesOf(reports.filter(({ raise }) => raise === remedy)).join("; ")}`);
  }
  const counts = STATES.map((state) => `${inState(reports, state).length} ${state}`);
  print(`${reports.length} walls: ${counts.join(", ")}. ${verdictOn(reports)}`);
}

function verdictOn(reports: readonly WallReport[]): string {
  if (inState(reports, "missing").length > 0) return "Tenants are NOT isolated.";
  if (inState(reports, "weaker").length === 0) return "Tenants are isolated, even were the SQL policy wrong.";
  return "Tenants are isolated; where a wall is weaker, the SQL policy stands alone.";
}
