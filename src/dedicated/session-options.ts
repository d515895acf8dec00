// Checks the `options` of a dedicated database's connection string, which are command-line options for the server's session. A row may
// set only those that are listed here.

/** The settings for the lookup of names, the role, the plans, and time limits. */
const ALLOWED_SETTINGS: ReadonlySet<string> = new Set([
  ...["application_name", "role", "search_path", "timezone", "default_text_search_config"],
  ...["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout"],
  ...["transaction_timeout", "default_transaction_read_only", "work_mem", "hash_mem_multiplier", "plan_cache_mode"],
  ...["geqo", "jit", "random_page_cost", "seq_page_cost", "effective_cache_size", "max_parallel_workers_per_gather"],
  ...["enable_bitmapscan", "enable_hashagg", "enable_hashjoin", "enable_indexonlyscan", "enable_indexscan"],
  ...["enable_material", "enable_mergejoin", "enable_nestloop", "enable_partitionwise_join", "enable_seqscan"],
]);

/** Neon's servers read from this option which database is meant. */
const ENDPOINT = /^(?:endpoint|project)=[a-z0-9-]{1,100}$/;

/** Returns the first part that a row may not set, or undefined when all parts are allowed. */
export function findRefusedOption(options: string): string | undefined {
  const words = splitOptions(options);
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (ENDPOINT.test(word)) continue;
    const assignment = word === "-c" ? (words[++index] ?? "") : toAssignment(word);
    if (assignment === undefined) return word;
    if (!isAllowed(assignment)) return assignment.split("=")[0];
  }
  return undefined;
}

/** Returns the assignment in `-cname=value` or `--name=value`. */
function toAssignment(word: string): string | undefined {
  return /^(?:-c|--)(.+)$/s.exec(word)?.[1];
}

/** Splits the options as the server does: at white space that no backslash escapes. */
function splitOptions(options: string): readonly string[] {
  return (options.match(/(?:\\[^]|[^\s\\])+|\\$/g) ?? []).map((word) => word.replaceAll(/\\([^])/g, "$1"));
}

function isAllowed(assignment: string): boolean {
  const [, given = "", value = ""] = /^([^=]*)=([^]*)$/.exec(assignment) ?? [];
  const name = given.toLowerCase().replaceAll("-", "_"); // The server reads the name in the same way.
  return ALLOWED_SETTINGS.has(name) && (name !== "search_path" || value.split(",").every(isOrdinarySchema));
}

/**
 * Tells whether a search_path may name the schema. The policy keeps the names of catalogs out of statements, and such a search_path
 * would let statements use them without a schema.
 */
function isOrdinarySchema(text: string): boolean {
  const name = text.trim().replaceAll('"', "").toLowerCase();
  if (name === "pg_catalog" || name === "pg_temp") return true;
  return !/^(?:pg_|postgate_(?!extensions$)|information_schema$)/.test(name);
}
