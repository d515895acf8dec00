// Bounds what a text may cost to parse, and decides which texts are too large for the main thread. What exceeds a bound is refused
// before PostgreSQL's parser sees it.

import { GatewayError, refusal } from "../base/errors.ts";
import { estimateCost, type TextCost } from "./text-cost.ts";

const DEFAULT_MAX_SQL_BYTES = 262_144;

/** Bounds for any thread. An INSERT of 1,000 rows with 10 columns has 22,000 tokens; 4 million steps of the lexer take about 20 ms. */
const TOTAL_BOUNDS: TextCost = { tokens: 50_000, operatorSteps: 4_000_000 };

/**
 * Bounds for the main thread, which parses such a text in 2 ms at most. The number of tokens is half of what the deepest nesting
 * found needs to overflow the parser's stack. A long text with few tokens (one large literal) is cheap.
 */
const SMALL_BOUNDS: TextCost & { readonly bytes: number } = { tokens: 2_000, operatorSteps: 100_000, bytes: 65_536 };

const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Stops as soon as it knows that a text is large, which takes less than a millisecond.
 *
 * @param maxBytes maximum size of the text in UTF-8
 * @throws GatewayError INVALID_REQUEST for a NUL character or a lone surrogate; PARSE_ERROR with TOO_COMPLEX for more bytes.
 */
export function sizeOfText(sql: string, maxBytes = DEFAULT_MAX_SQL_BYTES): "small" | "large" {
  const isShort = countBytes(sql, maxBytes) <= SMALL_BOUNDS.bytes;
  return isShort && isWithin(estimateCost(sql, SMALL_BOUNDS), SMALL_BOUNDS) ? "small" : "large";
}

/** @throws GatewayError PARSE_ERROR with TOO_COMPLEX for a text that no thread may parse. */
export function requireBoundedCost(sql: string): void {
  if (!isWithin(estimateCost(sql, TOTAL_BOUNDS), TOTAL_BOUNDS))
    throw tooComplex("it has too many tokens or too long runs of operators");
}

/** Refuses a NUL character, which would end the parser's C string, and a lone surrogate, for which the driver would send other bytes. */
function countBytes(sql: string, maxBytes: number): number {
  // A text has at least as many bytes as UTF-16 units, so the first test avoids counting the bytes of a huge text.
  const bytes = sql.length > maxBytes ? sql.length : Buffer.byteLength(sql);
  if (bytes > maxBytes) throw tooComplex(`the text is longer than ${maxBytes} bytes`);
  if (sql.includes("\0")) throw new GatewayError("INVALID_REQUEST", "'sql' contains a NUL character");
  if (LONE_SURROGATE.test(sql))
    throw new GatewayError("INVALID_REQUEST", "'sql' is not valid Unicode: it has a lone surrogate");
  return bytes;
}

function isWithin(cost: TextCost, bounds: TextCost): boolean {
  return cost.tokens <= bounds.tokens && cost.operatorSteps <= bounds.operatorSteps;
}

export function tooComplex(why: string): GatewayError {
  return refusal("TOO_COMPLEX", `Query is too complex: ${why}`);
}
