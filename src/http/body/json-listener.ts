// What the scanner of JSON reports, and to whom.

export type JsonKind = "null" | "string" | "boolean" | "integer" | "number" | "object" | "array";

/** Receives what the scanner finds. Places are byte offsets: `start` is the first byte and `end` the one behind the last. */
export interface JsonListener {
  /** A member's key. Its place includes the quotes. */
  key(start: number, end: number): void;
  /** A scalar, or an array or object whose contents were not asked for. The place of a string includes the quotes. */
  value(kind: JsonKind, start: number, end: number): void;
  /** Returns true to be told the contents, and then the end by `close`; false to be told the whole by `value`. */
  open(kind: "object" | "array", start: number): boolean;
  close(end: number): void;
}

/** The kind as messages name it. */
export function nameOfKind(kind: JsonKind): string {
  switch (kind) {
    case "null":
      return "null";
    case "object":
    case "array":
      return `an ${kind}`;
    case "integer":
    case "number":
      return "a number";
    case "string":
    case "boolean":
      return `a ${kind}`;
  }
}
