// What the judge counts of the calls that no cancel interrupts once they run. See argument-sizes.ts.

/** About a second of work for all calls of one statement together. */
export const MAX_UNINTERRUPTIBLE_STEPS = 2 ** 30;

/** Stands for the text of a function where that is no constant. */
export const SIZE_OF_TEXT = 100_000;

/** The functions whose steps are the size of their first argument times that of their second. */
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

/** The functions whose steps are the square of their longest argument. */
export const SQUARE_FUNCTIONS: ReadonlySet<string> = new Set([
  ...["is_normalized", "normalize", "phraseto_tsquery", "plainto_tsquery", "polygon", "to_date", "to_timestamp"],
  ...["ts_rank", "ts_rank_cd"],
]);

/** The operators whose steps are the product of the sizes of their sides: those of arrays, polygons, paths and jsonb, and LIKE. */
export const PAIRWISE_OPERATORS: ReadonlySet<string> = new Set([
  ...["&&", "-", "<->", "<@", "?#", "?&", "?|", "@>", "~=", "~~", "~~*", "!~~", "!~~*"],
]);
