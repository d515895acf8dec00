// Reads a statement of a body, `{"sql": …, "params": […]}`, or a list of them, and checks their form, Unicode and parameters.

import { errorOfStatement, GatewayError, refusal } from "../../base/errors.ts";
import { MAX_PARAMETERS, type Parameter } from "../../base/parameters.ts";
import type { ResultForm, StatementRequest } from "../../base/query-request.ts";
import { type BodyRecord, MAX_STATEMENTS, type Member, ParameterList, RecordList } from "./body-record.ts";
import { invalid } from "./invalid.ts";
import { ESCAPES } from "./json-scanner.ts";
import { nameOfKind } from "./json-listener.ts";

const PARAMS = "params";
/** Maximum nesting depth of arrays in parameters. PostgreSQL's arrays have at most 6 dimensions; deeper ones can only be JSON. */
export const MAX_ARRAY_DEPTH = 1_000;
const NO_PARAMETERS: readonly Parameter[] = Object.freeze([]);

/** The way in which a protocol writes a statement. */
export interface StatementReading {
  /** The key of the statement's text. */
  readonly sqlKey: string;
  /** Returns the form of the statement's result, which a protocol may read from keys beside the text. */
  readonly formOf: (statement: BodyRecord) => ResultForm;
}

/**
 * @throws GatewayError INVALID_REQUEST when the statement has another form, and PARSE_ERROR with TOO_COMPLEX for a text longer than
 * any limit.
 */
export function parseStatement(record: BodyRecord, { sqlKey, formOf }: StatementReading): StatementRequest {
  const sql = readSql(record.get(sqlKey), sqlKey);
  return { sql, params: readParameters(record.get(PARAMS)), form: formOf(record) };
}

/** @throws GatewayError as `parseStatement` does. If one statement is at fault, the error has its number. */
export function parseStatements(
  record: BodyRecord,
  { listKey, ...reading }: StatementReading & { readonly listKey: string },
): StatementRequest[] {
  const list = record.get(listKey);
  const form = `it must be an array of objects such as {"${reading.sqlKey}": "SELECT $1::int", "params": [1]}`;
  if (!(list instanceof RecordList)) throw invalid(`"${listKey}" is ${nameOfKind(list?.kind ?? "null")}; ${form}`);
  if (list.count > MAX_STATEMENTS)
    throw invalid(`"${listKey}" has ${list.count} statements; send ${MAX_STATEMENTS} at most`);
  return list.elements.map((element, index) =>
    ofStatement(index, () => {
      if (typeof element === "string") throw invalid(`A statement is ${nameOfKind(element)}; ${form}`);
      return parseStatement(element, reading);
    }),
  );
}

function ofStatement<T>(statement: number, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof GatewayError ? errorOfStatement(error, statement) : error;
  }
}

function readSql(sql: Member | undefined, key: string): string {
  if (sql === undefined) throw invalid(`"${key}" is missing; it must be a string with one SQL statement`);
  if (sql.kind !== "string")
    throw invalid(`"${key}" is ${nameOfKind(sql.kind)}; it must be a string with one SQL statement`);
  requireSendable(sql.escapes, `"${key}"`);
  if (sql.text === undefined) throw refusal("TOO_COMPLEX", "Query is too complex: the text is longer than 1 MB");
  return sql.text;
}

function readParameters(list: Member | undefined): readonly Parameter[] {
  if (list === undefined || list.kind === "null") return NO_PARAMETERS;
  if (!(list instanceof ParameterList))
    throw invalid(`"${PARAMS}" is ${nameOfKind(list.kind)}; it must be an array such as [1, "a"]`);
  if (list.count > MAX_PARAMETERS)
    throw invalid(`"${PARAMS}" has ${list.count} elements; PostgreSQL takes ${MAX_PARAMETERS} at most`);
  if (list.depth > MAX_ARRAY_DEPTH)
    throw invalid(`Arrays in "${PARAMS}" are nested deeper than ${MAX_ARRAY_DEPTH} levels`);
  if (list.fault !== undefined) requireSendable(list.fault.escapes, `Parameter $${list.fault.index + 1}`);
  return list.parameters;
}

/**
 * Refuses characters that PostgreSQL's text cannot hold. Only escapes can stand for them, because the body is valid UTF-8 and JSON
 * allows no NUL character except as an escape.
 */
function requireSendable(escapes: number, name: string): void {
  if ((escapes & ESCAPES.nul) !== 0)
    throw invalid(`${name} holds a NUL character (\\u0000), which PostgreSQL cannot store`);
  if ((escapes & ESCAPES.halfPair) !== 0)
    throw invalid(`${name} holds half of a surrogate pair, which is not valid Unicode`);
}
