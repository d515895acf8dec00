// How old a token's rights may be. A change of a token or a database must show within one second on every instance; these times
// add up to less than that. docs/adr/0010-recorded-changes.md has the argument.

/** Rights that were neither looked up nor revalidated for this long are not used. */
export const RIGHTS_TTL_MS = 500;

/** A request that comes this long after the last revalidation starts the next one, and does not wait for it. */
export const REVALIDATE_AFTER_MS = 250;

/**
 * Rights are looked up again after this time even if no change was reported, for two reasons: a renamed schema is not recorded as a
 * change, and the use of a token is written down when the token is looked up, which must happen at least once a minute.
 */
export const MAX_RIGHTS_AGE_MS = 25_000;
