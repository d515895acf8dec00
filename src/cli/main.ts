#!/usr/bin/env node
// Runs the process: it reads arguments and signals, and returns the exit code. Only this file ends the process, so that all other code
// can close what it opened.

import { constants } from "node:os";
import { CommanderError } from "commander";
import { describeError, UsageError } from "./failure.ts";
import { createProgram } from "./program.ts";
import type { Terminal } from "./terminal.ts";

const FAILURE = 1;
const BAD_USAGE = 2;
/** Two signals within this time count as one, because a Ctrl-C arrives twice under npm: from the terminal, and forwarded by npm. */
const SAME_SIGNAL_MS = 500;

const terminal: Terminal = {
  print: (line) => process.stdout.write(`${line}\n`),
  note: (line) => process.stderr.write(`${line}\n`),
};

/** Returns a signal that aborts when the process is first asked to stop. The second request ends the process at once. */
function stopOnSignals(): { readonly signal: AbortSignal; readonly exitCode: () => number } {
  const stop = new AbortController();
  let exitCode = 0;
  let stoppedAt = 0;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(name, () => {
      exitCode = 128 + constants.signals[name];
      if (stop.signal.aborted && performance.now() - stoppedAt > SAME_SIGNAL_MS) process.exit(exitCode);
      if (stop.signal.aborted) return;
      stoppedAt = performance.now();
      stop.abort(new Error(`stopped by ${name}`));
    });
  return { signal: stop.signal, exitCode: () => exitCode };
}

/** Ignores a reader of stdout that closes early, such as `head`, and every error of stderr, because a broken log must stop nothing. */
function ignoreClosedPipes(): void {
  process.stderr.on("error", () => undefined);
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") process.exit(FAILURE);
  });
}

/** Adds the command `serve` when the command line names no command. */
function withCommand(words: readonly string[]): readonly string[] {
  const asksForText = words.some((word) => ["-h", "--help", "-V", "--version"].includes(word));
  return asksForText || words.some((word) => !word.startsWith("-")) ? words : ["serve", ...words];
}

async function run(): Promise<number> {
  const { signal, exitCode } = stopOnSignals();
  try {
    await createProgram({ terminal, signal }).parseAsync(withCommand(process.argv.slice(2)), { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0; // The user asked for help or the version.
    if (signal.aborted) return exitCode();
    terminal.note(`error: ${describeError(error)}`);
    return error instanceof CommanderError || error instanceof UsageError ? BAD_USAGE : FAILURE;
  }
}

ignoreClosedPipes();
process.on("uncaughtException", (error) => {
  terminal.note(`error: ${describeError(error)}`);
  process.exit(FAILURE);
});
process.exit(await run());
