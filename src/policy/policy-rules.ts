import type { NameArgument } from "./tables/function-names.ts";

/** For which database a statement is judged, and what the server has beyond PostgreSQL's own that the judge knows. */
export interface PolicyRules {
  readonly kind: "tenant" | "admin";
  /** Names of the functions of admitted extensions. */
  readonly functions: ReadonlySet<string>;
  /** Names of the types of admitted extensions. */
  readonly types: ReadonlySet<string>;
  /** Names of functions that are on no list, that are not admitted, and that `(value).name` would call. */
  readonly refusedAttributes: ReadonlySet<string>;
  /** Names of types in pg_catalog that are on no list. */
  readonly refusedTypes: ReadonlySet<string>;
  /** Functions of extensions that take an object's name first, in calls that have `from` arguments or more. */
  readonly nameArguments: ReadonlyMap<string, NameArgument>;
}

const NOTHING: ReadonlySet<string> = new Set();

const NO_EXTENSIONS: Omit<PolicyRules, "kind"> = {
  functions: NOTHING,
  types: NOTHING,
  refusedAttributes: NOTHING,
  refusedTypes: NOTHING,
  nameArguments: new Map(),
};

export const TENANT_RULES: PolicyRules = { kind: "tenant", ...NO_EXTENSIONS };
export const ADMIN_RULES: PolicyRules = { kind: "admin", ...NO_EXTENSIONS };
