// Runs the built command line as a separate process, as an operator does.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, onTestFinished } from "vitest";

export const projectRoot = fileURLToPath(new URL("../..", import.meta.url));
const MAIN = join(projectRoot, "dist/cli/main.js");

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The command to run; the default is Node with the built program and the words. */
  readonly program?: readonly string[];
  readonly ids?: { readonly uid: number; readonly gid: number };
}

export interface CliProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Settles when the process has ended and everything that it wrote has been read. */
  readonly ended: Promise<Ended>;
  /** Waits until the output so far matches. Fails when the process ends without a match. */
  until(stream: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends Ctrl-C as a terminal does, to every process of the group. */
  interrupt(): void;
}

/** This is long, because the compiler is slow on a busy machine. */
const BUILD_TIMEOUT_MS = 300_000;

/** Builds the program, because tests also run in a clone without a build. Call it at the top of a test file. */
export function useBuiltCli(): void {
  beforeAll(buildCli, BUILD_TIMEOUT_MS);
}

function buildCli(): void {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/build.mjs", "--if-stale"], {
    cwd: projectRoot,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`The build failed: ${stderr}`);
}

/** Starts the command line in its own process group, which is killed when the test ends. */
export function startCli(words: readonly string[], options: CliOptions): CliProcess {
  const [program = process.execPath, ...first] = options.program ?? [process.execPath, MAIN];
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(program, [...first, ...words], {
    cwd: options.cwd,
    env: { PATH, HOME, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    ...options.ids,
  });
  const pid = child.pid ?? 0;
  const written = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (written.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (written.stderr += chunk.toString()));
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, ...written }));
  onTestFinished(async () => {
    killGroup(pid);
    await ended;
  });

  const until = async (stream: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray> => {
    const over = ended.then(() => true);
    for (let isOver = false; ;) {
      const found = pattern.exec(written[stream]);
      if (found !== null) return found;
      if (isOver) throw new Error(`It ended without ${String(pattern)}: ${JSON.stringify(await ended)}`);
      isOver = await Promise.race([once(child[stream], "data").then(() => false), over]);
    }
  };
  return { child, pid, ended, until, interrupt: () => process.kill(-pid, "SIGINT") };
}

export async function runCli(words: readonly string[], options: CliOptions): Promise<Ended> {
  return startCli(words, options).ended;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The process has ended.
  }
}
