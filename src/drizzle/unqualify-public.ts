// Removes the `"public".` that drizzle-kit writes before some names. Postgate looks a name up in the token's own schema, whatever
// that schema is called. Nothing else is changed or checked here: the gateway judges the resulting statement.

/** Matches the prefix, and the tokens in which `"public".` is no prefix: strings, comments, dollar quotes and other quoted names. */
const TOKENS = new RegExp(
  [
    String.raw`(?<escaped>[eE]'(?:[^'\\]|\\.|'')*')`,
    String.raw`(?<text>'(?:[^']|'')*')`,
    String.raw`(?<line>--[^\n]*)`,
    String.raw`(?<block>/\*[\s\S]*?\*/)`,
    String.raw`(?<dollar>\$(?<tag>\w*)\$[\s\S]*?\$\k<tag>\$)`,
    String.raw`(?<prefix>"public"\s*\.\s*(?="))`,
    String.raw`(?<name>"(?:[^"]|"")*")`,
  ].join("|"),
  "g",
);

export function unqualifyPublic(sql: string): string {
  return sql.replace(TOKENS, (token, ...rest) => {
    const groups = rest.at(-1) as { readonly prefix?: string };
    return groups.prefix === undefined ? token : "";
  });
}
