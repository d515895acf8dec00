// Finds literals that mean another time each time that they are read: 'now', 'today', … PostgreSQL reads a literal when it parses the
// statement, so a statement that is kept prepared would keep the time of its first use.

/** PostgreSQL ends a word where its letters end: `today10:00` is `today` at ten. */
const CLOCK_WORD = /(?<![a-z])(?:now|today|tomorrow|yesterday)(?![a-z])/i;
/** `10:00 Europe/Berlin` has the offset that the zone has today. A literal with a date has the offset of that day. */
const TIME_IN_ZONE = /\d:\d.*[a-z]{3}/is;
const DATE = /\d[-/.]\d|\d{8}/;
/** Arrays, ranges and composites may quote parts of a word. */
const QUOTING = /[\\"]/g;

/**
 * Tells whether the literal may be such a time, by itself or within an array, a range or a composite. The type of the literal is not
 * known here, so a plain text that says `now` counts as well.
 */
export function readsClock(literal: string): boolean {
  if (CLOCK_WORD.test(literal) || CLOCK_WORD.test(literal.replace(QUOTING, ""))) return true;
  return TIME_IN_ZONE.test(literal) && !DATE.test(literal);
}
