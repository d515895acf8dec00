#!/usr/bin/env node
// The process: arguments in, signals in, exit code out. The only file that ends the process, so that everything else can
// close what it opened.

import { constants } from "node:os";
import { CommanderError } from "commander";
import { describeError, UsageError } from "./failure.ts";
import { createProgram } from "./program.ts";
import type { Terminal } from "./terminal.ts";

const FAILURE = 1;
const BAD_USAGE = 2;
/** One Ctrl-C can arrive twice: from the terminal, and from npm, which passes it on. */
const SAME_SIGNAL_MS = 500;

const terminal: Terminal = {
  print: (line) => process.stdout.write(`${line}\n`),
  note: (line) => process.stderr.write(`${line}\n`),
};

/** Aborts at the first signal that asks the process to stop; the second one ends it at once. */
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

/** A reader that has seen enough, such as `head`, is no failure, and a log that cannot be written must stop nothing. */
function ignoreClosedPipes(): void {
  process.stderr.on("error", () => undefined);
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") process.exit(FAILURE);
  });
}

/** Without a command it serves. */
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
    if (error instanceof CommanderError && error.exitCode === 0) return 0; // Help or the version was asked for.
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
