/** For which database a statement is judged, and what the operator's extensions add to what it may use. */
export interface PolicyRules {
  readonly kind: "tenant" | "admin";
  /** Names of the functions of admitted extensions. */
  readonly functions: ReadonlySet<string>;
  /** Names of the types of admitted extensions. */
  readonly types: ReadonlySet<string>;
}

const NOTHING: ReadonlySet<string> = new Set();

export const TENANT_RULES: PolicyRules = { kind: "tenant", functions: NOTHING, types: NOTHING };
export const ADMIN_RULES: PolicyRules = { kind: "admin", functions: NOTHING, types: NOTHING };
