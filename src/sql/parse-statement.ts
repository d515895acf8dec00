// Turns a text into the one statement that it holds, by PostgreSQL's own grammar. In charge of refusing what is not
// exactly one statement and what costs too much to parse; policy/ judges what the statement does.

import { GatewayError, refusal } from "../errors.ts";
import { OffThreadParser } from "./off-thread-parser.ts";
import type { ParsedStatement } from "./parsed-statement.ts";
import { compileParser, createParserInstance, type ParseOutcome, type ParserInstance } from "./parser-instance.ts";
import { characterPosition } from "./position.ts";
import { readStatements } from "./read-statements.ts";
import { estimateCost, type TextCost } from "./text-cost.ts";

export interface Parser {
  /**
   * Gives a small text's statement at once, that of a large one, or of the first, as a promise.
   *
   * @param tenant whose text it is: where large texts wait, tenants are served in turn.
   * @throws GatewayError INVALID_REQUEST for a NUL character or a lone surrogate; PARSE_ERROR with SYNTAX_ERROR,
   * EMPTY_QUERY, MULTIPLE_STATEMENTS or TOO_COMPLEX; UNAVAILABLE when too many large texts wait.
   */
  readonly parse: (sql: string, tenant?: string) => ParsedStatement | Promise<ParsedStatement>;
  /** Loads the parser, which otherwise happens at the first text. */
  readonly warmUp: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface ParserOptions {
  /** In bytes of UTF-8. */
  readonly maxSqlBytes?: number;
  /** How long a large text may be parsed. */
  readonly deadlineMs?: number;
}

const DEFAULT_MAX_SQL_BYTES = 262_144;

/** No text that `TOTAL_BOUNDS` let through was seen to take a fifth of it. */
const DEFAULT_DEADLINE_MS = 2_000;

/** An INSERT of 1,000 rows with 10 columns has 22,000 tokens. 4 million steps of the lexer take some 20 ms. */
const TOTAL_BOUNDS: TextCost = { tokens: 50_000, operatorSteps: 4_000_000 };

/**
 * What the main thread parses itself, in about 2 ms at most: half of the tokens with which the deepest nesting found
 * overflows its stack. A long text with few tokens (one large literal) is cheap.
 */
const SMALL_BOUNDS: TextCost & { readonly bytes: number } = { tokens: 2_000, operatorSteps: 100_000, bytes: 65_536 };

const LONE_SURROGATE = /\p{Surrogate}/u;

export function createParser(options: ParserOptions = {}): Parser {
  const { maxSqlBytes = DEFAULT_MAX_SQL_BYTES, deadlineMs = DEFAULT_DEADLINE_MS } = options;
  let compiling: Promise<WebAssembly.Module> | undefined;
  const compiled = () =>
    (compiling ??= compileParser().catch((error: unknown) => {
      compiling = undefined; // Tried again by the next text.
      throw error;
    }));
  const instance = createParserInstance(compiled);
  const offThread = new OffThreadParser({ compiled, deadlineMs });
  return {
    parse(sql, tenant = "") {
      const bytes = countBytes(sql, maxSqlBytes);
      if (!isSmall(sql, bytes)) return offThread.parse(sql, tenant).then((outcome) => toStatement(sql, outcome));
      if (instance.isReady) return toStatement(sql, instance.parse(sql));
      return parseWhenReady(instance, sql).then((outcome) => toStatement(sql, outcome));
    },
    warmUp: () => instance.ready(),
    close: () => offThread.close(),
  };
}

async function parseWhenReady(instance: ParserInstance, sql: string): Promise<ParseOutcome> {
  // Again after the wait: another text that waited as well may have broken the instance.
  while (!instance.isReady) await instance.ready();
  return instance.parse(sql);
}

/** The parser reads a C string, which a NUL ends; the driver would send other bytes for a lone surrogate. */
function countBytes(sql: string, maxSqlBytes: number): number {
  // A text has at least as many bytes as UTF-16 units: the first test spares counting a huge one.
  const bytes = sql.length > maxSqlBytes ? sql.length : Buffer.byteLength(sql);
  if (bytes > maxSqlBytes) throw tooComplex(`the text is longer than ${maxSqlBytes} bytes`);
  if (sql.includes("\0")) throw new GatewayError("INVALID_REQUEST", "'sql' contains a NUL character");
  if (LONE_SURROGATE.test(sql))
    throw new GatewayError("INVALID_REQUEST", "'sql' is not valid Unicode: it has a lone surrogate");
  return bytes;
}

function isSmall(sql: string, bytes: number): boolean {
  const cost = estimateCost(sql, TOTAL_BOUNDS);
  if (!isWithin(cost, TOTAL_BOUNDS)) throw tooComplex("it has too many tokens or too long runs of operators");
  return bytes <= SMALL_BOUNDS.bytes && isWithin(cost, SMALL_BOUNDS);
}

function isWithin(cost: TextCost, bounds: TextCost): boolean {
  return cost.tokens <= bounds.tokens && cost.operatorSteps <= bounds.operatorSteps;
}

function toStatement(text: string, outcome: ParseOutcome): ParsedStatement {
  switch (outcome.kind) {
    case "too-complex":
      throw tooComplex("it is nested too deeply or takes too long to parse");
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

function tooComplex(why: string): GatewayError {
  return refusal("TOO_COMPLEX", `Query is too complex: ${why}`);
}
