import type { Node } from "@pgsql/types";

/** One statement as PostgreSQL's grammar sees it. Only sql/parse-statement.ts makes one. */
export interface ParsedStatement {
  /** The text as the caller sent it: this is what is executed. */
  readonly text: string;
  /** The raw parse tree of the one statement, e.g. `{ SelectStmt: {…} }`. */
  readonly tree: Node;
  /** Where its first token stands, after comments and white space: a byte offset, as those of the tree. */
  readonly location: number;
  /** Turns a `location` of the tree (a byte offset) into a 1-based position in characters; undefined for none. */
  readonly positionOf: (location: number | undefined) => number | undefined;
}
