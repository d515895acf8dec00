// The body of POST /query → QueryRequest: one statement or several, and how they are run and answered. What the SQL means is
// judged later.

import {
  DEFAULT_FORM,
  DEFAULT_TRANSACTION,
  type QueryRequest,
  type ResultForm,
  type TransactionOptions,
} from "../base/query-request.ts";
import { invalid, type JsonBody, kindOf, parseJsonBody } from "./body/json-body.ts";
import { parseStatement, parseStatements } from "./body/statement-request.ts";

const EXAMPLE = '{"sql": "SELECT $1::int", "params": [1]}';
const ISOLATION_LEVELS = ["read committed", "repeatable read", "serializable"] as const;

type Keys = JsonBody["object"];

/** @throws GatewayError INVALID_REQUEST naming the first thing that is wrong and the form that is expected. */
export function parseQueryBody(bytes: Uint8Array): QueryRequest {
  const body = parseJsonBody(bytes, EXAMPLE);
  const { sql, statements } = body.object;
  const isBatch = statements !== undefined && statements !== null;
  if (isBatch && sql !== undefined) throw invalid('The body has both "sql" and "statements"; send one of them');
  const form = readForm(body.object);
  const reading = { listKey: "statements", sqlKey: "sql", formOf: () => form };
  return {
    statements: isBatch ? parseStatements(body, reading) : [parseStatement(body, reading)],
    isBatch,
    transaction: readTransaction(body.object),
  };
}

// Keys of which none is given cost no object. Null counts as left out.

function readForm({ row_mode: rowMode, types, fields }: Keys): ResultForm {
  if (rowMode === undefined && types === undefined && fields === undefined) return DEFAULT_FORM;
  return {
    rowMode: readWord(rowMode, "row_mode", ["object", "array"]) ?? "object",
    types: readWord(types, "types", ["json", "text"]) ?? "json",
    withFields: readFlag(fields, "fields"),
    layout: "postgate",
  };
}

function readTransaction({ isolation, read_only: readOnly, deferrable }: Keys): TransactionOptions {
  if (isolation === undefined && readOnly === undefined && deferrable === undefined) return DEFAULT_TRANSACTION;
  return {
    isolation: readWord(isolation, "isolation", ISOLATION_LEVELS),
    readOnly: readFlag(readOnly, "read_only"),
    deferrable: readFlag(deferrable, "deferrable"),
  };
}

function readWord<Word extends string>(value: unknown, key: string, words: readonly Word[]): Word | undefined {
  if (value === undefined || value === null) return undefined;
  const word = words.find((each) => each === value);
  if (word === undefined) throw invalid(`"${key}" must be one of ${words.map((each) => `"${each}"`).join(", ")}`);
  return word;
}

function readFlag(value: unknown, key: string): boolean {
  if (typeof (value ?? false) !== "boolean") throw invalid(`"${key}" is ${kindOf(value)}; it must be true or false`);
  return value === true;
}
