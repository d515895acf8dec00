// Lists the rows of the corpus that PostgreSQL's walls do not hold and the judge alone refuses. The tests fail if a row that is not listed
// succeeds, if a listed row does not, or if a row tells or changes more than its kind allows.

import type { Install } from "./corpus-world.ts";

/** The kinds of weaknesses. Those of weaker installations have the names that `postgate doctor` gives to walls. */
export type Weakness =
  | "names by number"
  | "the login's name"
  | "settings by SHOW"
  | "another role within a statement"
  | "languages"
  | "the schema public"
  | "catalogs"
  | "activity and statistics"
  | "settings"
  | "large objects"
  | "advisory locks and signals";

export interface WeaknessRows {
  readonly kind: Weakness;
  /** The kind of installation that has the weakness. Every kind has it if this is not given. */
  readonly install?: Install;
  /** The last version of PostgreSQL that has the weakness. */
  readonly until?: number;
  readonly rows: readonly string[];
  /** Matches everything that the rows may tell. */
  readonly tells?: RegExp;
  /** The parts of the state outside the tenant that the rows may change. */
  readonly changes?: readonly string[];
}

const NAMES = "tenant_[0-9a-f]{32}\\w*|postgate_(t|exec|auth)\\w*|[0-9a-f]{32}|[0-9a-f-]{36}";
const NAMES_OF_OTHERS = new RegExp(`^(${NAMES})$`);
const DEFINITIONS = new RegExp(
  `^(${NAMES}|canary_(b_(viewdef|default|check|comment|enum_label)|other_(enum|fn|trg)))$`,
);

export const WEAKNESSES: readonly WeaknessRows[] = [
  {
    kind: "names by number",
    rows: ["reg_types_and_text_inputs-005", "column_notation-002", "regtype_by_pg_typeof-001"],
    tells: NAMES_OF_OTHERS,
  },
  { kind: "the login's name", rows: ["dangerous_function-069", "functions-040"], tells: /^postgate_exec$/ },
  { kind: "settings by SHOW", rows: ["session_tx_commands-020"], tells: /^canary_db_setting$/ },
  {
    kind: "another role within a statement",
    install: "createrole",
    rows: ["dangerous_function-020"],
    tells: /^canary_b_secret_\w+$/,
  },
  // Only walls-escapes.ts has attacks of these two kinds, and the corpus has none.
  { kind: "languages", install: "createrole", rows: [] },
  { kind: "advisory locks and signals", install: "createrole", rows: [] },
  {
    kind: "catalogs",
    install: "createrole",
    rows: [
      ..."002 003 004 005 006 011 012 013 022 023 025 027 028 029 030 042 043 044 056"
        .split(" ")
        .map((number) => `catalog-${number}`),
      ..."058 060 062 063 064 065".split(" ").map((number) => `dangerous_function-${number}`),
      ..."001 002 003 004".split(" ").map((number) => `system_objects-${number}`),
    ],
    tells: DEFINITIONS,
  },
  {
    kind: "activity and statistics",
    install: "createrole",
    rows: ["catalog-014", "catalog-015", "catalog-016"],
    tells: NAMES_OF_OTHERS,
  },
  {
    kind: "settings",
    install: "createrole",
    rows: ["catalog-020", "dangerous_function-024"],
    tells: /^canary_db_setting$/,
  },
  {
    // The large objects of a role belong to no schema. DROP OWNED removes them again.
    kind: "large objects",
    install: "createrole",
    rows: ["dangerous_function-013", "ddl_forbidden-015"],
    changes: ["large objects"],
  },
  {
    kind: "the schema public",
    install: "createrole",
    until: 14,
    rows: [
      ..."036 039 052 054 055".split(" ").map((number) => `qualified_relation-${number}`),
      "ddl_forbidden-092",
      "cve_shadowing-002",
    ],
    changes: ["relations", "types", "triggers", "constraints", "rules", "functions"],
  },
];

export function weaknessesOf(version: number, install: Install): readonly WeaknessRows[] {
  return WEAKNESSES.filter(
    (weakness) =>
      (weakness.install === undefined || weakness.install === install) && version <= (weakness.until ?? version),
  );
}
