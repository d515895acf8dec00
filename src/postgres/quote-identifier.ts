/**
 * Quotes a name for SQL text, whatever characters it has.
 *
 * @throws Error when the text cannot be a name in PostgreSQL: an empty text, or one with a NUL, which would cut the statement.
 */
export function quoteIdentifier(name: string): string {
  if (name === "" || name.includes("\0")) throw new Error("An identifier must not be empty or contain a NUL character");
  return `"${name.replaceAll('"', '""')}"`;
}
