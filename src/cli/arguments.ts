// Parses words of the command line into values. Each parser throws UsageError with the accepted form, and no message has a secret.

import { findRefusedOption } from "../dedicated/session-options.ts";
import { parseConnectionUrl } from "../postgres/connection-settings.ts";
import { isPermission, PERMISSIONS, type Permission } from "../base/permissions.ts";
import type { DatabaseId } from "../tenants/tenant.ts";
import { UsageError } from "./failure.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** The name columns are varchar(100). */
const MAX_NAME_LENGTH = 100;
const MAX_INTEGER = 2_147_483_647;

export function parseDatabaseId(text: string): DatabaseId {
  return parseUuid(text, "DATABASE_ID") as DatabaseId;
}

export function parseTokenId(text: string): string {
  return parseUuid(text, "TOKEN_ID");
}

export function parseName(text: string): string {
  const length = Array.from(text).length;
  if (text.trim() === "") throw new UsageError("NAME must not be empty");
  if (length > MAX_NAME_LENGTH)
    throw new UsageError(`NAME must have at most ${MAX_NAME_LENGTH} characters; it has ${length}`);
  if (!text.isWellFormed()) throw new UsageError("NAME must be valid Unicode text");
  return text;
}

export function parseMaxRows(text: string): number {
  const maxRows = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (maxRows <= MAX_INTEGER) return maxRows;
  throw new UsageError(`--max-rows must be a whole number from 0 to ${MAX_INTEGER}`);
}

/** Parses a list such as `select, INSERT`. Returns each permission once, in the usual order. */
export function parsePermissionList(text: string): readonly Permission[] {
  const names = text.split(",").map((name) => name.trim().toUpperCase());
  const unknown = names.find((name) => !isPermission(name));
  if (unknown !== undefined)
    throw new UsageError(
      `--permissions has ${JSON.stringify(unknown)}; it must be a comma-separated list of ${PERMISSIONS.join(", ")}`,
    );
  return PERMISSIONS.filter((permission) => names.includes(permission));
}

const LIFETIME_UNITS: Readonly<Record<string, string>> = { s: "seconds", m: "minutes", h: "hours", d: "days" };

/** Parses a lifetime such as `30d` into `30 days`, an interval that PostgreSQL reads. */
export function parseLifetime(text: string): string {
  const [, count = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const name = LIFETIME_UNITS[unit];
  if (name !== undefined && Number(count) > 0) return `${Number(count)} ${name}`;
  throw new UsageError("--expires-in must be a whole number above 0 with s, m, h or d, such as 30d");
}

/** Checks the connection string and returns it unchanged, to be stored. No error message has it, because it holds a password. */
export function parseDedicatedUrl(text: string): string {
  try {
    const { options = "" } = parseConnectionUrl(text);
    const refused = findRefusedOption(options);
    if (refused !== undefined) throw new Error(`its options may not set ${JSON.stringify(refused)}`);
    return text;
  } catch (error) {
    throw new UsageError(`--dedicated is not a usable PostgreSQL URL: ${(error as Error).message}`, { cause: error });
  }
}

function parseUuid(text: string, what: string): string {
  if (UUID.test(text)) return text.toLowerCase();
  throw new UsageError(`${what} must be a UUID, such as 00000000-0000-0000-0000-000000000000`);
}
