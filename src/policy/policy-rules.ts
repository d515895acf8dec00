/** For which database a statement is judged, and what the operator's extensions add to what it may use. */
export interface PolicyRules {
  readonly kind: "tenant" | "admin";
  /** Names of the functions of admitted extensions. */
  readonly functions: ReadonlySet<string>;
  /** Names of the types of admitted extensions. */
  readonly types: ReadonlySet<string>;
  /** Names of functions that extensions added, that are not admitted, and that `(value).name` would call. */
  readonly refusedAttributes: ReadonlySet<string>;
}

const NOTHING: ReadonlySet<string> = new Set();

const NO_EXTENSIONS = { functions: NOTHING, types: NOTHING, refusedAttributes: NOTHING };

export const TENANT_RULES: PolicyRules = { kind: "tenant", ...NO_EXTENSIONS };
export const ADMIN_RULES: PolicyRules = { kind: "admin", ...NO_EXTENSIONS };
