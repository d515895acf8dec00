import type { Node, ParseResult } from "@pgsql/types";

/** The statements in the parser's JSON. */
export function readStatements(json: string): Node[] {
  const { stmts = [] } = JSON.parse(json) as ParseResult;
  return stmts.flatMap(({ stmt }) => (stmt === undefined ? [] : [stmt]));
}
