// Starts child processes of a bench and measures their cost.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

/** The kernel's time unit in /proc, which is the same on every Linux. */
const TICKS_PER_SECOND = 100;

/** Returns the CPU seconds of a process so far, user and system. */
export function cpuSeconds(pid) {
  const [, , ...fields] = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/\(.*\)/, "()")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Starts a server that prints a line with its URL. Its other output is discarded, as a collector takes it in production. */
export async function startServer(script, environment) {
  const server = spawn(process.execPath, [script], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: "production", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const url = await new Promise((resolve, reject) => {
    let printed = "";
    const read = (chunk) => {
      if (printed.length > 65_536) return;
      printed += chunk;
      const found = /http:\/\/[^\s"]+/.exec(printed);
      if (found !== null) resolve(found[0]);
    };
    server.stdout.on("data", read);
    server.stderr.on("data", read);
    server.once("exit", () => reject(new Error(`${script} does not start: ${printed}`)));
  });
  return {
    url,
    pid: server.pid,
    async stop() {
      const exited = once(server, "exit");
      server.kill("SIGTERM");
      await exited;
    },
  };
}

/** Runs a script to its end, writes JSON to its stdin, and reads JSON from its stdout. */
export async function runScript(script, input) {
  const child = spawn(process.execPath, [script], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify(input));
  let printed = "";
  for await (const chunk of child.stdout) printed += chunk;
  return JSON.parse(printed);
}
