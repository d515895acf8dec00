// Estimates what parsing a text will cost, before the parser sees it. It only bounds the cost. Whether a statement is safe is decided
// on the parse tree alone, so a wrong count here lets nothing through.

export interface TextCost {
  readonly tokens: number;
  /**
   * Characters that the lexer reads in runs of operator characters. At each operator and each start of a comment it
   * reads the run to its end and gives back all but one token: `-+-+…` and empty comments in a row cost their square.
   */
  readonly operatorSteps: number;
}

/** Stops counting soon after a bound is exceeded. */
export function estimateCost(sql: string, bounds: TextCost): TextCost {
  const scan = new CostScan(sql);
  while (!scan.isAtEnd && scan.tokens <= bounds.tokens && scan.operatorSteps <= bounds.operatorSteps) scan.next();
  return { tokens: scan.tokens, operatorSteps: scan.operatorSteps };
}

const SPACE = " \t\n\r\f\v";
const OPERATOR_CHARACTERS = "~!@#^&|`?+-*/%<>=";
const OPERATOR_RUN = /[~!@#^&|`?+\-*/%<>=]*/y;
const COMMENT_EDGE = /\/\*|\*\//g;
const ESCAPE_STRING_EDGE = /\\[^]|'/g;

// Finds where tokens begin and end by the rules of PostgreSQL's lexer. A string that is not closed reaches to the end of the text.
const TOKEN_PATTERNS = [
  /[ \t\n\r\f\v]+/,
  /--[^\n\r]*/,
  /\/\*/,
  /'[^']*'?/,
  /"[^"]*"?/,
  /[eE]'/,
  /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/,
  /[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?/,
  /[A-Za-z_$\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/,
  /[^]/,
];
const TOKEN = new RegExp(TOKEN_PATTERNS.map((pattern) => pattern.source).join("|"), "y");

class CostScan {
  readonly #sql: string;
  #at = 0;
  #operatorRunEnd = 0;
  tokens = 0;
  operatorSteps = 0;

  constructor(sql: string) {
    this.#sql = sql;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#sql.length;
  }

  next(): void {
    const start = this.#at;
    TOKEN.lastIndex = start;
    TOKEN.test(this.#sql);
    this.#at = TOKEN.lastIndex;
    const first = this.#sql.charAt(start);
    const isLong = this.#at - start > 1;
    if (SPACE.includes(first) || (first === "-" && isLong)) return;
    if (first === "/" && isLong) {
      this.#skipComment(start);
      return;
    }
    this.tokens += 1;
    if (OPERATOR_CHARACTERS.includes(first)) this.#countOperatorRun(start);
    else if (isLong) this.#skipRestOfString(start);
  }

  #skipComment(start: number): void {
    this.#countOperatorRun(start);
    for (let depth = 1; depth > 0;) {
      const edge = this.#skipPast(COMMENT_EDGE);
      if (edge === undefined) return;
      depth += edge === "/*" ? 1 : -1;
      if (edge === "/*") this.#countOperatorRun(this.#at - 2);
    }
  }

  /** Finds the end of strings that the token pattern cannot: dollar-quoted strings and those with backslash escapes. */
  #skipRestOfString(start: number): void {
    const last = this.#sql.charAt(this.#at - 1);
    const first = this.#sql.charAt(start);
    if (first === "$" && last === "$") {
      const quote = this.#sql.slice(start, this.#at);
      const end = this.#sql.indexOf(quote, this.#at);
      this.#at = end === -1 ? this.#sql.length : end + quote.length;
    } else if ((first === "e" || first === "E") && last === "'") {
      while (this.#skipPast(ESCAPE_STRING_EDGE)?.startsWith("\\"));
    }
  }

  /** Returns the next match of the pattern, or undefined at the end of the text. */
  #skipPast(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#sql)?.[0];
    this.#at = found === undefined ? this.#sql.length : pattern.lastIndex;
    return found;
  }

  #countOperatorRun(start: number): void {
    if (start >= this.#operatorRunEnd) {
      OPERATOR_RUN.lastIndex = start;
      OPERATOR_RUN.test(this.#sql);
      this.#operatorRunEnd = OPERATOR_RUN.lastIndex;
    }
    this.operatorSteps += this.#operatorRunEnd - start;
  }
}
