// Lists the kinds of objects that DROP and RENAME may name and the actions that ALTER TABLE may take, with their names in messages.

import type { AlterTableType, ObjectType } from "@pgsql/types";

export const DROPPED_OBJECTS: ReadonlyMap<ObjectType, string> = new Map([
  ["OBJECT_TABLE", "TABLE"],
  ["OBJECT_VIEW", "VIEW"],
  ["OBJECT_MATVIEW", "MATERIALIZED VIEW"],
  ["OBJECT_INDEX", "INDEX"],
  ["OBJECT_SEQUENCE", "SEQUENCE"],
  ["OBJECT_TYPE", "TYPE"],
  ["OBJECT_DOMAIN", "DOMAIN"],
]);

export const RENAMED_OBJECTS: ReadonlyMap<ObjectType, string> = new Map([
  ...DROPPED_OBJECTS,
  ["OBJECT_COLUMN", "COLUMN"],
  ["OBJECT_TABCONSTRAINT", "CONSTRAINT"],
  ["OBJECT_DOMCONSTRAINT", "CONSTRAINT"],
  ["OBJECT_ATTRIBUTE", "ATTRIBUTE"],
]);

/** The actions that ALTER TABLE (VIEW, INDEX, SEQUENCE, TYPE) may take, with their spelling in SQL. */
export const ALTER_TABLE_ACTIONS: ReadonlyMap<AlterTableType, string> = new Map([
  ["AT_AddColumn", "ADD COLUMN"],
  ["AT_DropColumn", "DROP COLUMN"],
  ["AT_ColumnDefault", "SET DEFAULT"],
  ["AT_DropNotNull", "DROP NOT NULL"],
  ["AT_SetNotNull", "SET NOT NULL"],
  ["AT_AlterColumnType", "ALTER COLUMN TYPE"],
  ["AT_AddConstraint", "ADD CONSTRAINT"],
  ["AT_ValidateConstraint", "VALIDATE CONSTRAINT"],
  ["AT_DropConstraint", "DROP CONSTRAINT"],
  ["AT_AlterConstraint", "ALTER CONSTRAINT"],
  ["AT_AddIdentity", "ADD GENERATED AS IDENTITY"],
  ["AT_SetIdentity", "SET GENERATED"],
  ["AT_DropIdentity", "DROP IDENTITY"],
  ["AT_SetExpression", "SET EXPRESSION"],
  ["AT_DropExpression", "DROP EXPRESSION"],
  ["AT_SetStatistics", "SET STATISTICS"],
  ["AT_SetStorage", "SET STORAGE"],
  ["AT_SetCompression", "SET COMPRESSION"],
  ["AT_AttachPartition", "ATTACH PARTITION"],
  ["AT_DetachPartition", "DETACH PARTITION"],
  ["AT_AddInherit", "INHERIT"],
  ["AT_DropInherit", "NO INHERIT"],
  ["AT_SetRelOptions", "SET (…)"],
  ["AT_ResetRelOptions", "RESET (…)"],
]);
