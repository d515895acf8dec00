// What PostgreSQL answered → result sets, with what the catalog says of their types.

import { errorOfStatement, GatewayError } from "../../base/errors.ts";
import { createBounds, type DataRow, locateValues } from "../../wire/data-row.ts";
import type { Rows } from "../exchange.ts";
import { unavailable } from "../translate-database-error.ts";
import type { Field } from "../../wire/field.ts";
import { FIRST_LOOKED_UP_TYPE_OID, type ResultSet, type UserType } from "./result-set.ts";

const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;

type UserTypes = ReadonlyMap<number, UserType>;

export function typeOidsOf(results: readonly Rows[]): readonly number[] {
  const oids: number[] = [];
  for (const { fields } of results) for (const { typeOid } of fields) oids.push(typeOid);
  return oids;
}

export function toResultSets(results: readonly Rows[], userTypes: UserTypes): readonly ResultSet[] {
  return results.map(({ fields, returnsRows, rows, commandTag }) => {
    const rowCount = returnsRows ? rows.length : countIn(commandTag);
    return { fields, rows, rowCount, commandTag, userTypes };
  });
}

/**
 * Of a type that the catalog does not show, a scalar is its text; what an array's elements are is not to be guessed.
 *
 * @param makesTypes the transaction may have made types, which nobody else sees yet.
 * @throws GatewayError DATABASE_ERROR naming the statement; UNAVAILABLE where the type was dropped since the statement read it.
 */
export function requireKnownArrays(results: readonly Rows[], userTypes: UserTypes, makesTypes: boolean): void {
  results.forEach((result, statement) => {
    if (!returnsUnknownArray(result, userTypes)) return;
    throw makesTypes
      ? errorOfStatement(newArrayType("returned"), statement)
      : unavailable("A type of the result was dropped while it was read");
  });
}

function returnsUnknownArray({ fields, rows }: Rows, userTypes: UserTypes): boolean {
  const isUnknown = ({ typeOid }: Field): boolean => typeOid >= FIRST_LOOKED_UP_TYPE_OID && !userTypes.has(typeOid);
  if (!fields.some(isUnknown)) return false;
  const columns = fields.flatMap((field, index) => (isUnknown(field) && field.typeSize <= 0 ? [index] : []));
  if (columns.length === 0) return false;
  const bounds = createBounds(fields.length);
  const holdsArray = (row: DataRow): boolean => {
    locateValues(row, bounds); // Once for all columns: there may be 1,664 of them.
    return columns.some((index) => startsLikeAnArray(row, bounds[2 * index] ?? 0, bounds[2 * index + 1] ?? 0));
  };
  return rows.some(holdsArray);
}

/** As array_out writes it: `{1,2}`, or `[0:1]={1,2}`. */
function startsLikeAnArray(row: DataRow, start: number, end: number): boolean {
  return end > start && (row[start] === OPEN_BRACE || row[start] === OPEN_BRACKET);
}

/** Rolled back: arrays of a type that the same transaction has made. */
export function newArrayType(what: "returned" | "sent"): GatewayError {
  return new GatewayError("DATABASE_ERROR", `An array of a type that this batch makes cannot be ${what} in it`, {
    details: { sqlstate: "0A000", hint: "Make the type with a request of its own first." },
  });
}

/** `INSERT 0 5` → 5; `CREATE TABLE` → 0. */
function countIn(commandTag: string): number {
  return Number(/\d+$/.exec(commandTag)?.[0] ?? 0);
}
