// Makes a QueryRequest from the body of POST /query: one statement or several, and how they are run and answered. The SQL is judged
// later.

import {
  DEFAULT_FORM,
  DEFAULT_TRANSACTION,
  type QueryRequest,
  type ResultForm,
  type TransactionOptions,
} from "../base/query-request.ts";
import type { BodyForm } from "./body/body-reader.ts";
import { type BodyRecord, KnownKeys, type Member } from "./body/body-record.ts";
import { invalid } from "./body/invalid.ts";
import { nameOfKind } from "./body/json-listener.ts";
import { readJsonBody, type RunInSlices } from "./body/read-json-body.ts";
import { parseStatement, parseStatements } from "./body/statement-request.ts";

const OPTION_KEYS = ["row_mode", "types", "fields", "isolation", "read_only", "deferrable"] as const;
const FORM: BodyForm = {
  keys: new KnownKeys(["sql", "params", "statements", ...OPTION_KEYS]),
  parametersKey: "params",
  statementsKey: "statements",
  refusesNearMisses: true,
  example: '{"sql": "SELECT $1::int", "params": [1]}',
};
const ISOLATION_LEVELS = ["read committed", "repeatable read", "serializable"] as const;

/** @throws GatewayError INVALID_REQUEST when the body has another form. The message names the first fault and the expected form. */
export function parseQueryBody(bytes: Buffer, inSlices: RunInSlices): QueryRequest | Promise<QueryRequest> {
  return readJsonBody(bytes, { form: FORM, inSlices, toRequest });
}

function toRequest(body: BodyRecord): QueryRequest {
  const isBatch = (body.get("statements")?.kind ?? "null") !== "null";
  if (isBatch && body.get("sql") !== undefined)
    throw invalid('The body has both "sql" and "statements"; send one of them');
  const form = readForm(body);
  const reading = { listKey: "statements", sqlKey: "sql", formOf: () => form };
  return {
    statements: isBatch ? parseStatements(body, reading) : [parseStatement(body, reading)],
    isBatch,
    transaction: readTransaction(body),
  };
}

// If none of the keys of an option object is present, the shared default is returned and no object is made. Null counts as absent.

function readForm(body: BodyRecord): ResultForm {
  const [rowMode, types, fields] = [body.get("row_mode"), body.get("types"), body.get("fields")];
  if (rowMode === undefined && types === undefined && fields === undefined) return DEFAULT_FORM;
  return {
    rowMode: readWord(rowMode, "row_mode", ["object", "array"]) ?? "object",
    types: readWord(types, "types", ["json", "text"]) ?? "json",
    withFields: readFlag(fields, "fields"),
    layout: "postgate",
  };
}

function readTransaction(body: BodyRecord): TransactionOptions {
  const [isolation, readOnly, deferrable] = [body.get("isolation"), body.get("read_only"), body.get("deferrable")];
  if (isolation === undefined && readOnly === undefined && deferrable === undefined) return DEFAULT_TRANSACTION;
  return {
    isolation: readWord(isolation, "isolation", ISOLATION_LEVELS),
    readOnly: readFlag(readOnly, "read_only"),
    deferrable: readFlag(deferrable, "deferrable"),
  };
}

function readWord<Word extends string>(
  value: Member | undefined,
  key: string,
  words: readonly Word[],
): Word | undefined {
  if (value === undefined || value.kind === "null") return undefined;
  const word = value.kind === "string" ? words.find((each) => each === value.text) : undefined;
  if (word === undefined) throw invalid(`"${key}" must be one of ${words.map((each) => `"${each}"`).join(", ")}`);
  return word;
}

function readFlag(value: Member | undefined, key: string): boolean {
  if (value === undefined || value.kind === "null") return false;
  if (value.kind !== "boolean") throw invalid(`"${key}" is ${nameOfKind(value.kind)}; it must be true or false`);
  return value.text === "true";
}
