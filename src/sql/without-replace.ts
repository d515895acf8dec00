// Takes OR REPLACE out of a statement that creates something. Blanks stand in the place of the words, so that the positions in
// errors stay those of the caller's text.

const LEADING_WORDS = ["create", "or", "replace"];
const BLANK = /(?:[ \t\n\r\f\v;]|--[^\n\r]*)*/y;
const COMMENT_EDGE = /\/\*|\*\//g;

/** The text without OR REPLACE; undefined where it does not begin with CREATE OR REPLACE. */
export function withoutReplace(sql: string): string | undefined {
  let at = 0;
  let changed = "";
  for (const word of LEADING_WORDS) {
    const start = skipBlanks(sql, at);
    const end = start + word.length;
    if (sql.slice(start, end).toLowerCase() !== word) return undefined;
    changed += sql.slice(at, start) + (word === "create" ? sql.slice(start, end) : " ".repeat(word.length));
    at = end;
  }
  return changed + sql.slice(at);
}

/** Where the next word begins: after white space, comments and empty statements. */
function skipBlanks(sql: string, from: number): number {
  let at = from;
  for (;;) {
    BLANK.lastIndex = at;
    BLANK.test(sql);
    at = BLANK.lastIndex;
    if (!sql.startsWith("/*", at)) return at;
    at = endOfComment(sql, at);
  }
}

/** Comments may be nested. */
function endOfComment(sql: string, start: number): number {
  let depth = 0;
  COMMENT_EDGE.lastIndex = start;
  for (let edge = COMMENT_EDGE.exec(sql); edge !== null; edge = COMMENT_EDGE.exec(sql)) {
    depth += edge[0] === "/*" ? 1 : -1;
    if (depth === 0) return COMMENT_EDGE.lastIndex;
  }
  return sql.length;
}
