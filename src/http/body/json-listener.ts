// The interface between the scanner of JSON and the object that receives its reports.

export type JsonKind = "null" | "string" | "boolean" | "integer" | "number" | "object" | "array";

/** Receives the keys and values that the scanner finds. `start` is the offset of the first byte, `end` that of the byte after the last. */
export interface JsonListener {
  /** Receives a member's key. Its place includes the quotes. */
  key(start: number, end: number): void;
  /** Receives a scalar, or an array or object that `open` has skipped. The place of a string includes the quotes. */
  value(kind: JsonKind, start: number, end: number): void;
  /**
   * Receives the start of an array or object. It returns true to receive the contents and then a call of `close`, or false to skip the
   * contents and receive the whole by `value`.
   */
  open(kind: "object" | "array", start: number): boolean;
  close(end: number): void;
}

/** Returns the kind's name for messages. */
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
