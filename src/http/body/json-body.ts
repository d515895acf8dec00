// The bytes of a body → a JSON object and its text, at a modest cost.

import { GatewayError } from "../../base/errors.ts";
import { requireModestJson } from "./require-modest-json.ts";

export interface JsonBody {
  /** Own keys only; nothing is known of the values. */
  readonly object: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Leaves a byte-order mark out, as RFC 8259 allows. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * @param example of a body, for messages.
 * @throws GatewayError INVALID_REQUEST
 */
export function parseJsonBody(bytes: Uint8Array, example: string): JsonBody {
  requireModestJson(bytes);
  const text = decode(bytes);
  if (text.trim() === "") throw invalid(`The body is empty; send a JSON object such as ${example}`);
  const body = parseJson(text);
  if (!isObject(body)) throw invalid(`The body is ${kindOf(body)}; send a JSON object such as ${example}`);
  return { object: body, text };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return kindOf(value) === "an object";
}

export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

export function invalid(message: string, cause?: unknown): GatewayError {
  return new GatewayError("INVALID_REQUEST", message, { cause });
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw invalid("The body is not valid UTF-8", cause);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw invalid(`The body is not valid JSON: ${(cause as SyntaxError).message}`, cause);
  }
}
