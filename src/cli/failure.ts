// What a command says when it ends badly: one line, never a stack trace, and an exit code.

import { DatabaseError } from "pg";
import { ConnectionError } from "../postgres/connect.ts";

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command could not do its work; the message says what to do. Exit code 1. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** The error as one line of text for whoever ran the command. */
export function describeError(error: unknown): string {
  return toText(error)
    .replace(/^error: /, "") // Of the library that reads the command line.
    .replaceAll(/\s*[\r\n]+\s*/g, " ");
}

function toText(error: unknown): string {
  if (error instanceof ConnectionError)
    return `${error.message}; check that PostgreSQL runs and that DATABASE_URL (or POSTGRES_HOST, …) is right`;
  if (error instanceof DatabaseError)
    return `PostgreSQL: ${error.message}${error.hint === undefined ? "" : ` (${error.hint})`} [${error.code ?? ""}]`;
  return error instanceof Error ? error.message : String(error);
}
