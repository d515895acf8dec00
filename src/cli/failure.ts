// Defines how a command reports a failure: one line without a stack trace, and an exit code.

import { DatabaseError } from "pg";
import { ConnectionError } from "../postgres/connect.ts";

/** The command line itself is wrong. The exit code is 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command could not do its work. The message says what to do, and the exit code is 1. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** Returns the error as one line of text for the person who ran the command. */
export function describeError(error: unknown): string {
  return toText(error)
    .replace(/^error: /, "") // Commander, which reads the command line, adds this prefix.
    .replaceAll(/\s*[\r\n]+\s*/g, " ");
}

function toText(error: unknown): string {
  if (error instanceof ConnectionError)
    return `${error.message}; check that PostgreSQL runs and that DATABASE_URL (or POSTGRES_HOST, …) is right`;
  if (error instanceof DatabaseError)
    return `PostgreSQL: ${error.message}${error.hint === undefined ? "" : ` (${error.hint})`} [${error.code ?? ""}]`;
  return error instanceof Error ? error.message : String(error);
}
