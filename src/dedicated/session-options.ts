// The `options` of a dedicated database's connection string: command-line options for the server's session. In charge of which of them
// a row may set; all others are refused.

/** Where in the database names are looked up, as which role, how plans are made, and how long things may take. */
const ALLOWED_SETTINGS: ReadonlySet<string> = new Set([
  ...["application_name", "role", "search_path", "timezone", "default_text_search_config"],
  ...["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout"],
  ...["transaction_timeout", "default_transaction_read_only", "work_mem", "hash_mem_multiplier", "plan_cache_mode"],
  ...["geqo", "jit", "random_page_cost", "seq_page_cost", "effective_cache_size", "max_parallel_workers_per_gather"],
  ...["enable_bitmapscan", "enable_hashagg", "enable_hashjoin", "enable_indexonlyscan", "enable_indexscan"],
  ...["enable_material", "enable_mergejoin", "enable_nestloop", "enable_partitionwise_join", "enable_seqscan"],
]);

/** Neon's servers read from it which database is meant. */
const ENDPOINT = /^(?:endpoint|project)=[a-z0-9-]{1,100}$/;

/** The first part that a row may not set; undefined when all of it is allowed. */
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

/** `-cname=value` and `--name=value`. */
function toAssignment(word: string): string | undefined {
  return /^(?:-c|--)(.+)$/s.exec(word)?.[1];
}

/** As the server splits them: at white space that no backslash escapes. */
function splitOptions(options: string): readonly string[] {
  return (options.match(/(?:\\[^]|[^\s\\])+|\\$/g) ?? []).map((word) => word.replaceAll(/\\([^])/g, "$1"));
}

function isAllowed(assignment: string): boolean {
  const [, given = "", value = ""] = /^([^=]*)=([^]*)$/.exec(assignment) ?? [];
  const name = given.toLowerCase().replaceAll("-", "_"); // As the server reads it.
  return ALLOWED_SETTINGS.has(name) && (name !== "search_path" || value.split(",").every(isOrdinarySchema));
}

/** The policy keeps the catalogs' names out of statements; a search_path would let them in again, without a schema. */
function isOrdinarySchema(text: string): boolean {
  const name = text.trim().replaceAll('"', "").toLowerCase();
  if (name === "pg_catalog" || name === "pg_temp") return true;
  return !/^(?:pg_|postgate_(?!extensions$)|information_schema$)/.test(name);
}
