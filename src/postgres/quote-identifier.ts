/**
 * Quotes a name for SQL text, whatever characters it has. The only place where a name becomes SQL.
 *
 * @throws Error for what cannot be a name in PostgreSQL: an empty text, or one with a NUL, which would cut the statement.
 */
export function quoteIdentifier(name: string): string {
  if (name === "" || name.includes("\0")) throw new Error("An identifier must not be empty or contain a NUL character");
  return `"${name.replaceAll('"', '""')}"`;
}
