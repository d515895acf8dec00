// Cuts SQL into tokens, well enough for mutations. A text that these patterns do not cover completely is not cut at all.

const PATTERNS = {
  space: /(?:[ \t\n\r\f\v]+|--[^\n\r]*)+/,
  comment: /\/\*(?:[^*/]|\*(?!\/)|\/(?!\*))*\*\//,
  dollar: /\$([\p{L}_][\p{L}\p{N}_]*)?\$[^]*?\$\1\$/u,
  string: /(?:[eE]'(?:[^'\\]|\\[^]|'')*'|(?:[uU]&|[nNbBxX])?'(?:[^']|'')*')/,
  quoted: /(?:[uU]&)?"(?:[^"]|"")+"/,
  parameter: /\$\d+/,
  word: /[\p{L}_\u0080-\u{10ffff}][\p{L}\p{N}_$\u0080-\u{10ffff}]*/u,
  number: /(?:0[xXoObB][\da-fA-F_]+|(?:\d[\d_]*)?\.?\d[\d_]*(?:[eE][+-]?\d+)?\.?)/,
  operator: /[-+*/<>=~!@#%^&|`?]+|::|:=|\.\.|=>/,
  mark: /[()[\]{},;:.]/,
};
const TOKEN = new RegExp(
  Object.entries(PATTERNS)
    .map(
      ([kind, { source }]) =>
        `(?<${kind}>${kind === "dollar" ? source.replaceAll("\\1", "\\k<tag>").replace("(", "(?<tag>") : source})`,
    )
    .join("|"),
  "uy",
);

/** Returns `{ kind, text }` for each token, or undefined when the patterns do not cover the text. */
export function tokenize(sql) {
  const tokens = [];
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < sql.length;) {
    const { groups } = TOKEN.exec(sql) ?? {};
    if (groups === undefined) return undefined;
    const kind = Object.keys(PATTERNS).find((each) => groups[each] !== undefined);
    tokens.push({ kind, text: groups[kind] });
  }
  return tokens;
}

export const textOf = (tokens) => tokens.map(({ text }) => text).join("");
