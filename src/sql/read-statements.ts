import type { Node, ParseResult } from "@pgsql/types";

/** A statement's tree, and the byte offset of its first token. */
export interface StatementTree {
  readonly tree: Node;
  readonly location: number;
}

/** Reads the statements out of the parser's JSON. */
export function readStatements(json: string): StatementTree[] {
  const { stmts = [] } = JSON.parse(json) as ParseResult;
  return stmts.flatMap(({ stmt, stmt_location = 0 }) =>
    stmt === undefined ? [] : [{ tree: stmt, location: stmt_location }],
  );
}
