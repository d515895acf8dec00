import type { Node } from "@pgsql/types";

/** One statement as PostgreSQL's grammar parses it. Only sql/parse-statement.ts creates one. */
export interface ParsedStatement {
  /** The text as the caller sent it. This text is what is executed. */
  readonly text: string;
  /** The raw parse tree of the one statement, e.g. `{ SelectStmt: {…} }`. */
  readonly tree: Node;
  /** Byte offset of the first token, after comments and white space. */
  readonly location: number;
  /** Turns a `location` of the tree (a byte offset) into a 1-based position in characters. Undefined for an unknown location. */
  readonly positionOf: (location: number | undefined) => number | undefined;
}
