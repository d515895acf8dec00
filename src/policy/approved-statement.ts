import type { Brand } from "../base/brand.ts";
import type { Parameter } from "../base/parameters.ts";
import type { Permission } from "../base/permissions.ts";

/** What the types of a statement's parameters depend on, besides its text. type-sources.ts finds it. */
export interface TypeSources {
  /** Relations whose columns may have decided the type of a parameter. */
  readonly relations: readonly string[];
  /** Types by name, built-in ones excluded, that may have decided it. */
  readonly types: readonly string[];
  /** The arguments of a function may have decided it. Nobody but the owner of a dedicated database can change those. */
  readonly usesFunctions: boolean;
  /** False where it may depend on an attribute of a composite type: PostgreSQL does not tell when one is replaced. */
  readonly isTraceable: boolean;
}

/** What the judge found out about a statement that no rule of the policy refuses. */
export interface StatementFacts {
  /** The text as the caller sent it: this is what is executed. */
  readonly text: string;
  /** The verb, as messages and logs name it: `SELECT`, `INSERT`, `CREATE TABLE`, … */
  readonly operation: string;
  /** Every permission that any part of the statement exercises; the statement's own is the first. */
  readonly permissions: readonly Permission[];
  /** It also needs one of INSERT and UPDATE: it calls nextval or currval. */
  readonly needsInsertOrUpdate: boolean;
  /** Relations that the statement names (CTEs excluded), sorted, without duplicates. */
  readonly tables: readonly string[];
  readonly returnsRows: boolean;
  /** True when the statement, or a function that it calls, may change data: its limits are decided before commit. */
  readonly writes: boolean;
  /** It is CREATE OR REPLACE VIEW, which would change a view that is there. */
  readonly replacesView: boolean;
  /** It calls a function of `postgate_helpers`. */
  readonly callsHelpers: boolean;
  /** Undefined for a statement that makes, changes and drops nothing in the schema. */
  readonly schemaChange?: SchemaChange | undefined;
  /** The types of its parameters depend on these; undefined where the text alone decides them. */
  readonly typeSources: TypeSources | undefined;
  /** A literal of it means another time each time that PostgreSQL parses it: it is not kept prepared. */
  readonly readsClock: boolean;
  /** It calls currval, which must not see what earlier transactions of the session left behind. */
  readonly readsSequences: boolean;
  /** The highest `$n` of the text; 0 when there is none. */
  readonly parameterCount: number;
}

/** What a statement that makes, changes or drops something in the schema does there, as far as its text tells. */
export interface SchemaChange {
  /** Relations and types that it changes. It also locks what depends on them. */
  readonly objects: readonly string[];
  /** Relations whose indexes it makes once more, for another table. */
  readonly copied: readonly string[];
  /** It may drop what depends on the objects. */
  readonly drops: boolean;
  /** It takes a sequence from its column, and makes it one of its own. */
  readonly disowns: boolean;
  /** Relations, indexes and sequences included, that it makes for each table that it reaches. */
  readonly makes: number;
}

/** A statement that policy allows for a given set of permissions. Only `approve()` makes one; `execute()` takes nothing else. */
export type ApprovedStatement = Brand<StatementFacts, "ApprovedStatement">;

/** An approved statement with the parameters of one call of it. */
export interface StatementToRun {
  readonly statement: ApprovedStatement;
  readonly params: readonly Parameter[];
}
