// Holds the hints for refused functions: what to write instead, if there is an alternative.

import { REFUSED_FUNCTION_NAMES } from "./function-names.ts";
import { OWN_TABLES_HINT } from "../names.ts";

/** The first pattern that matches a function's name decides its hint. */
const HINTS: readonly (readonly [names: RegExp, hint: string])[] = [
  [/^pg_sleep/, "Wait in the client; nothing may hold a connection for nothing."],
  [/^lastval$/, "Use INSERT … RETURNING id."],
  [
    /^set_config$/,
    "A statement runs in a transaction of its own, on a session that others use before and after it; nothing can be set for it.",
  ],
  [/^current_setting$/, "Settings cannot be read; pass what the statement needs as a parameter."],
  [/^session_user$|^system_user$/, "Use current_user."],
  [/^pg_get_serial_sequence$/, "The sequence of a serial column is called <table>_<column>_seq."],
  [/^format_type$/, "Use pg_typeof(value), or postgate_helpers.describe_table('name')."],
  [/^pg_(?:try_)?advisory_/, "Lock rows with SELECT … FOR UPDATE inside the statement that changes them."],
  [/^pg_notify$/, "Nothing is sent to clients: ask for what is new, WHERE id > $1 ORDER BY id."],
  [/^uuid_generate_/, "Use gen_random_uuid()."],
  [/^lo_|^lo(?:read|write)$/, "Keep bytes in a column of the type bytea."],
  [/^has_/, "Rights are held by tokens: ask the operator for a token with the permissions that you need."],
  [/^to_reg|^reg|_description$|^pg_get_/, OWN_TABLES_HINT],
];

const OWN_FUNCTIONS: ReadonlySet<string> = new Set(Object.values(REFUSED_FUNCTION_NAMES).flat());

export function hintForFunction(name: string): string | undefined {
  const [, hint] = HINTS.find(([names]) => names.test(name)) ?? [];
  if (hint !== undefined || OWN_FUNCTIONS.has(name)) return hint;
  return "It is none of PostgreSQL's own, and the operator decides which extensions there are.";
}
