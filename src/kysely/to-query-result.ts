// Turns an answer of the gateway into Kysely's result, with the values that users of Kysely's PostgreSQL dialect expect.

import type { QueryResult } from "kysely";
import type { PostgateQueryResponse } from "../client/index.ts";
import type { ParseValue } from "./type-parsers.ts";

type Parsers = ReadonlyMap<string, ParseValue>;

/** Commands whose row count is the number of changed rows. For others it is the number of returned rows. */
const CHANGING = new Set<string | undefined>(["INSERT", "UPDATE", "DELETE", "MERGE"]);

export function toQueryResult<Row>(response: PostgateQueryResponse<Row>, parsers: Parsers): QueryResult<Row> {
  const { rows, row_count, command, fields = [] } = response;
  // If several columns have one name, the row holds the last one.
  const byName = new Map(fields.map(({ name, type }) => [name, parserOf(type, parsers)]));
  for (const [name, parse] of byName) if (parse !== undefined) parseColumn(rows, name, parse);
  return CHANGING.has(command) ? { rows, numAffectedRows: BigInt(row_count) } : { rows };
}

/** Parses the values in place, because nobody else has the rows yet. */
function parseColumn(rows: readonly unknown[], name: string, parse: ParseValue): void {
  for (const row of rows as Record<string, unknown>[]) row[name] = parse(row[name]);
}

function parserOf(type: string, parsers: Parsers): ParseValue | undefined {
  const parse = parsers.get(type);
  if (parse !== undefined) return nullOr(parse);
  const ofElement = type.endsWith("[]") ? parsers.get(type.slice(0, -2)) : undefined;
  return ofElement && elements(ofElement);
}

function nullOr(parse: ParseValue): ParseValue {
  return (value) => (value === null ? null : parse(value));
}

/** Parses the elements of an array of any number of dimensions. */
function elements(parse: ParseValue): ParseValue {
  return function parseDeep(value): unknown {
    if (value === null) return null;
    return Array.isArray(value) ? value.map(parseDeep) : parse(value);
  };
}
