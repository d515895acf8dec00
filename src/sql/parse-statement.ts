// Parses a text with PostgreSQL's own grammar, in the calling thread, and refuses what is not exactly one statement. text-bounds.ts
// decides which texts may come here, and policy/ judges what the statement does.

import { refusal } from "../base/errors.ts";
import type { ParsedStatement } from "./parsed-statement.ts";
import { compileParser, createParserInstance, type ParseOutcome } from "./parser-instance.ts";
import { characterPosition } from "./position.ts";
import { readStatements } from "./read-statements.ts";
import { tooComplex } from "./text-bounds.ts";

export interface Parser {
  /** False before the first `ready`, and while a failed instance is being replaced. */
  readonly isReady: boolean;
  /** Resolves as soon as `parse` may be called. */
  readonly ready: () => Promise<void>;
  /** @throws GatewayError PARSE_ERROR with SYNTAX_ERROR, EMPTY_QUERY, MULTIPLE_STATEMENTS or TOO_COMPLEX. */
  readonly parse: (sql: string) => ParsedStatement;
}

export function createParser(compiled: () => Promise<WebAssembly.Module> = compileParser): Parser {
  const instance = createParserInstance(compiled);
  return {
    get isReady() {
      return instance.isReady;
    },
    ready: () => instance.ready(),
    parse: (sql) => toStatement(sql, instance.parse(sql)),
  };
}

function toStatement(text: string, outcome: ParseOutcome): ParsedStatement {
  switch (outcome.kind) {
    case "too-complex":
      throw tooComplex("it is nested too deeply");
    case "syntax-error":
      throw refusal(
        "SYNTAX_ERROR",
        outcome.message,
        outcome.position === undefined ? {} : { position: outcome.position },
      );
    case "tree": {
      const [statement, ...others] = readStatements(outcome.json);
      if (statement === undefined) throw refusal("EMPTY_QUERY", "Empty query");
      if (others.length > 0) throw refusal("MULTIPLE_STATEMENTS", "Multiple statements not allowed");
      return { text, ...statement, positionOf: (location) => characterPosition(text, location) };
    }
  }
}
