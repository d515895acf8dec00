// Lists the functions and operators that no cancel interrupts while they run, and bounds their steps. argument-sizes.ts counts the steps.

/** Maximum number of steps for the constants of all calls of one statement together. They take about one second. */
export const MAX_UNINTERRUPTIBLE_STEPS = 2 ** 30;

/** Assumed size of a function's argument that is not a constant. */
export const SIZE_OF_TEXT = 100_000;

/** The functions whose number of steps is the size of their first argument times the size of their second. */
export const PAIRWISE_FUNCTIONS: ReadonlySet<string> = new Set([
  ...[
    "arraycontains",
    "arrayoverlap",
    "btrim",
    "jsonb_contains",
    "jsonb_delete",
    "jsonb_exists_all",
    "jsonb_exists_any",
  ],
  ...["like", "ltrim", "notlike", "position", "replace", "rtrim", "split_part", "string_to_array", "string_to_table"],
  ...["strpos", "translate"],
]);

/** The functions whose number of steps is the square of the size of their longest argument. */
export const SQUARE_FUNCTIONS: ReadonlySet<string> = new Set([
  ...["is_normalized", "normalize", "phraseto_tsquery", "plainto_tsquery", "polygon", "to_date", "to_timestamp"],
  ...["ts_rank", "ts_rank_cd"],
]);

/** The operators whose number of steps is the product of the sizes of their sides: those of arrays, polygons, paths and jsonb, and LIKE. */
export const PAIRWISE_OPERATORS: ReadonlySet<string> = new Set([
  ...["&&", "-", "<->", "<@", "?#", "?&", "?|", "@>", "~=", "~~", "~~*", "!~~", "!~~*"],
]);
