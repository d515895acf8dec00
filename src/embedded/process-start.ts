import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { hasErrorCode } from "./has-error-code.ts";

/**
 * Returns when a process started, which tells it apart from earlier processes with the same pid. Returns undefined when it does not
 * run. A zombie counts as ended: its parent has not collected it yet, and PID 1 of a container seldom does.
 */
export async function findProcessStart(pid: number): Promise<string | undefined> {
  if (process.platform === "linux") return findStartInProc(pid);
  const { stdout } = spawnSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
    encoding: "utf8",
    env: { LC_ALL: "C" },
  });
  const [, state = "Z", start] = /^(\S+)\s+(\S.*\S)\s*$/.exec(stdout) ?? [];
  return state.startsWith("Z") ? undefined : start;
}

/** Returns the boot's id and the start, because Linux counts the start in ticks since the boot. */
async function findStartInProc(pid: number): Promise<string | undefined> {
  try {
    const [boot, stat] = await Promise.all([
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
      readFile(`/proc/${pid}/stat`, "utf8"),
    ]);
    // "pid (name) state …": the name may hold anything, parentheses too. The state is field 3, the start field 22.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : `${boot.trim()} ${fields[19] ?? ""}`;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
}
