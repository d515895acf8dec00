import type { NameArgument } from "./tables/function-names.ts";

/** The kind of database for which a statement is judged, and what the server has besides the functions and types that the judge knows. */
export interface PolicyRules {
  readonly kind: "tenant" | "admin";
  /** Names of the functions of admitted extensions. */
  readonly functions: ReadonlySet<string>;
  /** Names of the types of admitted extensions. */
  readonly types: ReadonlySet<string>;
  /** Names of functions that `(value).name` would call, that are on no list, and that are not admitted. */
  readonly refusedAttributes: ReadonlySet<string>;
  /** Names of types in pg_catalog that are on no list. */
  readonly refusedTypes: ReadonlySet<string>;
  /** Functions of extensions whose first argument is an object's name, in calls with at least `from` arguments. */
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
