// Where parameters stand in a statement's text: outside strings, quoted names, comments and dollar quotes, as PostgreSQL's own
// scanner (scan.l) tells these apart with standard_conforming_strings on, which the gateway pins.

export interface ParameterPlace {
  /** Without its `$`: a name, or a number. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/**
 * What begins where the last token ended: text in which a `$` means nothing; the beginning of a comment that may hold others; a
 * parameter. A word may hold a `$` itself. What has no end reaches to the end of the text.
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

/** Comments nest. */
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
