// drizzle-kit writes `"public".` before some names. Over Postgate a name is looked up in the token's own schema, whatever that is
// called, so the prefix goes. In charge of that alone: the gateway judges what is left.

/** What a text may hold where `"public".` is no name: strings, comments and dollar quotes; and other names in quotes. */
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
