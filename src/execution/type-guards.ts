// Guards of kept statements. A statement that is kept prepared keeps the types that PostgreSQL inferred for its parameters when it
// parsed the text. When somebody else has altered a column since, PostgreSQL would read the value by the old type and convert it,
// silently. So small prepared statements run ahead of it in the same transaction, and fail when the schema is another one.
//
// - `select * from t where false` fails with "cached plan must not change result type" when the columns of t have other types. It
//   locks t as every statement does: it waits for an ALTER TABLE that is open, and none can begin until the transaction ends.
// - `$1 = 'mood'::regtype` compares what the name means now, when the parameter is bound, with what it meant when it was prepared.

import type { TypeSources } from "../policy/approved-statement.ts";
import { quoteIdentifier } from "../postgres/quote-identifier.ts";
import type { Session } from "./session.ts";

export interface TypeGuard {
  readonly sql: string;
  /** The type OIDs of its parameters. */
  readonly parameterTypes: readonly number[];
  readonly values: readonly string[];
}

const REGCLASS_OID = 2205;
const REGTYPE_OID = 2206;
/** A statement with more of them is parsed anew each time, which then costs less. */
const MAX_GUARDS = 20;
const NO_GUARDS: readonly TypeGuard[] = [];

/** @returns undefined where no guard would see that types have changed: the statement is parsed anew each time. */
export function typeGuardsOf(sources: TypeSources | undefined, session: Session): readonly TypeGuard[] | undefined {
  if (sources === undefined) return NO_GUARDS;
  const isDedicated = session.role === undefined; // Its owner may replace functions.
  if (!sources.isTraceable || (isDedicated && sources.usesFunctions)) return undefined;
  const relations = sources.relations.map(quoteIdentifier);
  const guards = [
    ...relations.map(guardColumns),
    ...(hasSeveralSchemas(session) ? relations.map((name) => guardName(name, "regclass", REGCLASS_OID)) : []),
    ...sources.types.map((name) => guardName(quoteIdentifier(name), "regtype", REGTYPE_OID)),
  ];
  return guards.length > MAX_GUARDS ? undefined : guards;
}

/** Then a new table can hide another one of its name. Of one schema, the path is `"schema", pg_temp`. */
function hasSeveralSchemas({ searchPath }: Session): boolean {
  return searchPath === undefined || searchPath.split(",").length > 2;
}

function guardColumns(name: string): TypeGuard {
  return { sql: `select * from ${name} where false`, parameterTypes: [], values: [] };
}

/** It divides by zero when the name means another object. */
function guardName(name: string, type: "regclass" | "regtype", oid: number): TypeGuard {
  const literal = `'${name.replaceAll("'", "''")}'::pg_catalog.${type}`;
  return {
    sql: `select 1 operator(pg_catalog./) ($1 operator(pg_catalog.=) ${literal})::pg_catalog.int4`,
    parameterTypes: [oid],
    values: [name],
  };
}
