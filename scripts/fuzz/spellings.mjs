// Writes the same statement with another case, white space, comments and quotes. The caller compares the parse trees to see whether
// the statement is still the same.

const SPACES = [
  " ",
  "\t",
  "\n",
  "\r\n",
  "\f",
  "  \n\t",
  "/**/",
  "/* ; */",
  "/* /* ' */ \" */",
  " -- '\n",
  "--;\r",
  "/*$$*/",
];

/** The parser's lexer looks one token ahead after these, and a comment there is a syntax error. */
const LOOKS_AHEAD = /^(?:NOT|NULLS|WITH|WITHOUT|FORMAT|UESCAPE)$/i;

const changeCase = (word, random) => {
  if (/[^\x00-\x7f]/.test(word)) return word;
  return [...word].map((letter) => (random.chance(0.5) ? letter.toUpperCase() : letter.toLowerCase())).join("");
};

const escapeUnicode = (text, quote, random) =>
  [...text.replaceAll(quote + quote, quote)]
    .map((letter) => {
      if (letter === "\\") return "\\\\";
      if (random.chance(0.3)) {
        const code = letter.codePointAt(0);
        return code > 0xffff ? `\\+${code.toString(16).padStart(6, "0")}` : `\\${code.toString(16).padStart(4, "0")}`;
      }
      return letter === quote ? quote + quote : letter;
    })
    .join("");

const REWRITE = {
  space: (text, random) => (text.includes("\n") && !text.includes("--") ? `${text}\n` : random.pick(SPACES)),
  comment: (text, random) => random.pick([text, " ", "/* other */"]),
  word(text, random) {
    const plain = /^[a-z_][a-z0-9_]*$/i.test(text) ? text.toLowerCase() : undefined;
    if (plain === undefined || random.chance(0.6)) return changeCase(text, random);
    return random.chance(0.5) ? `"${plain}"` : `U&"${escapeUnicode(plain, '"', random)}"`;
  },
  quoted(text, random) {
    if (!text.startsWith('"')) return text;
    const name = text.slice(1, -1);
    if (/^[a-z_][a-z0-9_]*$/.test(name) && random.chance(0.4)) return changeCase(name, random);
    return `u&"${escapeUnicode(name.replaceAll('""', '"'), '"', random)}"`;
  },
  string(text, random) {
    if (!text.startsWith("'")) return text;
    const content = text.slice(1, -1).replaceAll("''", "'");
    const middle = random.below(content.length + 1);
    const quote = (part) => `'${part.replaceAll("'", "''")}'`;
    return random.pick([
      `E${quote(content.replaceAll("\\", "\\\\"))}`,
      `U&'${escapeUnicode(content, "'", random)}'`,
      `$fuzz$${content}$fuzz$`,
      `${quote(content.slice(0, middle))}\n${quote(content.slice(middle))}`,
    ]);
  },
};

/** Puts a comment between two tokens that have nothing between them. */
const mayPart = (before, token) =>
  [before, token].every(({ kind }) => !["space", "comment", "operator", "string", "quoted"].includes(kind)) &&
  (before.kind === "mark" || token.kind === "mark") &&
  ![before, token].some(({ text }) => text === ":" || text === ".");

const mayRewrite = (before, { kind }) =>
  kind !== "space" || before === undefined || !(LOOKS_AHEAD.test(before.text) || before.kind === "string");

const STARTS = ["", " ", "\n", "--x\n", "/* a */"];
const ENDS = ["", ";", " ;;", "\n--", "/**/"];

export function respell(tokens, random) {
  const share = random.next();
  const written = [random.pick(STARTS)];
  let before;
  for (const token of tokens) {
    const { kind, text } = token;
    if (before !== undefined && mayPart(before, token) && random.chance(share / 4)) written.push(random.pick(SPACES));
    const rewrite = random.chance(share) && mayRewrite(before, token) ? REWRITE[kind] : undefined;
    written.push(rewrite?.(text, random) ?? text);
    before = token;
  }
  return written.join("") + random.pick(ENDS);
}
