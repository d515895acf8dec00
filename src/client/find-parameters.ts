// Finds the parameters in a statement's text: those outside strings, quoted names, comments and dollar quotes. It tells these apart as
// PostgreSQL's own scanner (scan.l) does with standard_conforming_strings on, a setting that the gateway pins.

export interface ParameterPlace {
  /** The name or number, without its `$`. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Matches the token that begins where the last one ended. The three groups are the opening tag of a dollar quote, the opening of a
 * comment that may hold other comments, and the name of a parameter. In all other tokens a `$` is no parameter: a word, for
 * example, may contain one. A string or quoted name without an end reaches to the end of the text.
 */
const TOKEN =
  /[eE]'(?:[^'\\]|\\[^]|'')*(?:'|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|--[^\n\r]*|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|(\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)|(\/\*)|\$(\d+|[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)|[^]/y;

export function findParameters(text: string): readonly ParameterPlace[] {
  const places: ParameterPlace[] = [];
  for (let at = 0; at < text.length;) {
    TOKEN.lastIndex = at;
    const [token = "", dollarQuote, comment, name] = TOKEN.exec(text) ?? [];
    const start = at;
    at += token.length;
    if (dollarQuote !== undefined) at = endOfDollarQuote(text, dollarQuote, at);
    else if (comment !== undefined) at = endOfComment(text, at);
    else if (name !== undefined) places.push({ name, start, end: at });
  }
  return places;
}

function endOfDollarQuote(text: string, tag: string, from: number): number {
  const end = text.indexOf(tag, from);
  return end < 0 ? text.length : end + tag.length;
}

/** Returns the offset after the comment. Comments may be nested. */
function endOfComment(text: string, from: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = from;
  for (let depth = 1; depth > 0;) {
    const found = mark.exec(text);
    if (found === null) return text.length;
    depth += found[0] === "/*" ? 1 : -1;
  }
  return mark.lastIndex;
}
