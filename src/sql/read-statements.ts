import type { Node, ParseResult } from "@pgsql/types";

/** A statement's tree, and where its first token stands: a byte offset. */
export interface StatementTree {
  readonly tree: Node;
  readonly location: number;
}

/** The statements in the parser's JSON. */
export function readStatements(json: string): StatementTree[] {
  const { stmts = [] } = JSON.parse(json) as ParseResult;
  return stmts.flatMap(({ stmt, stmt_location = 0 }) =>
    stmt === undefined ? [] : [{ tree: stmt, location: stmt_location }],
  );
}
