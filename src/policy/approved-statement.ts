import type { Brand } from "../base/brand.ts";
import type { Parameter } from "../base/parameters.ts";
import type { Permission } from "../base/permissions.ts";

/** The relations, types and functions that decide the types of a statement's parameters, besides its text. type-sources.ts finds them. */
export interface TypeSources {
  /** Relations whose columns may have decided the type of a parameter. */
  readonly relations: readonly string[];
  /** Names of types, without the built-in ones, that may have decided the type of a parameter. */
  readonly types: readonly string[];
  /**
   * True when the declared arguments of a function may have decided the type of a parameter. Only the owner of a dedicated database can
   * change functions.
   */
  readonly usesFunctions: boolean;
  /** False when a type may depend on an attribute of a composite type, because PostgreSQL does not report that one was replaced. */
  readonly isTraceable: boolean;
}

/** The facts that the judge found out about a statement that no rule of the policy refuses. */
export interface StatementFacts {
  /** The text as the caller sent it. This text is executed. */
  readonly text: string;
  /** The verb, as messages and logs name it: `SELECT`, `INSERT`, `CREATE TABLE`, … */
  readonly operation: string;
  /** Every permission that any part of the statement exercises. The statement's own permission is the first. */
  readonly permissions: readonly Permission[];
  /** True when the statement also needs INSERT or UPDATE, because it calls nextval or currval. */
  readonly needsInsertOrUpdate: boolean;
  /** Relations that the statement names, without CTEs and duplicates, sorted. */
  readonly tables: readonly string[];
  readonly returnsRows: boolean;
  /** True when the statement, or a function that it calls, may change data. Its limits are then checked before the commit. */
  readonly writes: boolean;
  /** True for CREATE OR REPLACE VIEW, which would change a view that exists. */
  readonly replacesView: boolean;
  /** True when the statement calls a function of `postgate_helpers`. */
  readonly callsHelpers: boolean;
  /** Undefined for a statement that makes, changes and drops nothing in the schema. */
  readonly schemaChange?: SchemaChange | undefined;
  /** The objects that decide the types of the parameters. Undefined when the text alone decides them. */
  readonly typeSources: TypeSources | undefined;
  /**
   * True when the statement may have a literal such as 'now', which means another time each time that PostgreSQL parses it. Such a
   * statement is not kept prepared.
   */
  readonly readsClock: boolean;
  /** True when the statement calls currval, which must not see the values that earlier transactions of the session left behind. */
  readonly readsSequences: boolean;
  /** The highest `n` of a `$n` in the text. 0 when there is none. */
  readonly parameterCount: number;
}

/** The effect on the schema of a statement that makes, changes or drops something there, as far as its text shows it. */
export interface SchemaChange {
  /** Relations and types that the statement changes. It also locks the objects that depend on them. */
  readonly objects: readonly string[];
  /** Relations whose indexes the statement makes again for another table. */
  readonly copied: readonly string[];
  /** True when the statement may drop what depends on the objects. */
  readonly drops: boolean;
  /** True for ALTER SEQUENCE … OWNED BY, which may take a sequence from its column and make it an object of its own. */
  readonly disowns: boolean;
  /** Number of relations, including indexes and sequences, that the statement makes for each table that it reaches. */
  readonly makes: number;
}

/** A statement that the policy allows for a given set of permissions. Only `approve()` makes one, and `execute()` takes nothing else. */
export type ApprovedStatement = Brand<StatementFacts, "ApprovedStatement">;

/** An approved statement with the parameters of one call. */
export interface StatementToRun {
  readonly statement: ApprovedStatement;
  readonly params: readonly Parameter[];
}
