// Lists the statements that may be sent: the name of each, the permission that it needs itself, and whether it changes data. The rules in
// node-rules.ts add the permissions that its parts need.

import type { NodeType } from "../../sql/walk.ts";
import type { Permission } from "../../base/permissions.ts";

export interface StatementType {
  readonly operation: string;
  /** Undefined for EXPLAIN, which needs the permissions of the statement inside. */
  readonly permission: Permission | undefined;
  readonly writes: boolean;
  /** True if the statement may be sent to the admin database too. */
  readonly isDml?: true;
}

export const STATEMENT_TYPES: Partial<Record<NodeType, StatementType>> = {
  SelectStmt: { operation: "SELECT", permission: "SELECT", writes: false, isDml: true },
  InsertStmt: { operation: "INSERT", permission: "INSERT", writes: true, isDml: true },
  UpdateStmt: { operation: "UPDATE", permission: "UPDATE", writes: true, isDml: true },
  DeleteStmt: { operation: "DELETE", permission: "DELETE", writes: true, isDml: true },
  MergeStmt: { operation: "MERGE", permission: "SELECT", writes: true, isDml: true },
  ExplainStmt: { operation: "EXPLAIN", permission: undefined, writes: false, isDml: true },
  CreateStmt: { operation: "CREATE TABLE", permission: "CREATE", writes: true },
  CreateTableAsStmt: { operation: "CREATE TABLE AS", permission: "CREATE", writes: true },
  ViewStmt: { operation: "CREATE VIEW", permission: "CREATE", writes: true },
  IndexStmt: { operation: "CREATE INDEX", permission: "CREATE", writes: true },
  CreateSeqStmt: { operation: "CREATE SEQUENCE", permission: "CREATE", writes: true },
  CreateEnumStmt: { operation: "CREATE TYPE", permission: "CREATE", writes: true },
  CompositeTypeStmt: { operation: "CREATE TYPE", permission: "CREATE", writes: true },
  CreateDomainStmt: { operation: "CREATE DOMAIN", permission: "CREATE", writes: true },
  AlterTableStmt: { operation: "ALTER TABLE", permission: "ALTER", writes: true },
  AlterSeqStmt: { operation: "ALTER SEQUENCE", permission: "ALTER", writes: true },
  AlterDomainStmt: { operation: "ALTER DOMAIN", permission: "ALTER", writes: true },
  AlterEnumStmt: { operation: "ALTER TYPE", permission: "ALTER", writes: true },
  RenameStmt: { operation: "RENAME", permission: "ALTER", writes: true },
  RefreshMatViewStmt: { operation: "REFRESH MATERIALIZED VIEW", permission: "ALTER", writes: true },
  DropStmt: { operation: "DROP", permission: "DROP", writes: true },
  TruncateStmt: { operation: "TRUNCATE", permission: "DROP", writes: true },
};
