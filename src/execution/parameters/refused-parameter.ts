// Finds out which parameter PostgreSQL refused. Only the context line of the error says it, in the server's own language.

/**
 * `… $3 = '...'`: the gateway pins a setting by which PostgreSQL shows no more than this of the value. The number has no `$` in
 * every language, and some have words behind it. A tenant's own text ends otherwise, and stands in an earlier line.
 */
const WITH_VALUE = /(\d+)\D*= '\.\.\.'$/;
/** The line for NULL, which has no text that could be shown. */
const OF_NULL = /\$(\d+)[^()"']*$/;

/**
 * Returns the number of the parameter, counted from 1, or undefined if the error names none.
 *
 * @param where the context of an error that came before PostgreSQL confirmed the Bind
 */
export function refusedParameter(where: string | undefined): number | undefined {
  const line = where?.slice(where.lastIndexOf("\n") + 1) ?? "";
  const number = (WITH_VALUE.exec(line) ?? OF_NULL.exec(line))?.[1];
  return number === undefined ? undefined : Number(number);
}
