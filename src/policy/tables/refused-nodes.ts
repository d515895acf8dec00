// Lists the nodes that are refused on purpose, with their names in messages and with hints about what to do instead, if there is an
// alternative. A node that is neither here nor in allowed-nodes.ts is refused too, and a test reports it, so that somebody reviews it.

import type { NodeType } from "../../sql/walk.ts";

const SESSION_HINT =
  "A statement runs in a transaction of its own, on a session that others use before and after it; nothing can be set for it.";
const TRANSACTION_HINT =
  "Every statement is a transaction of its own. To change several tables at once, write one statement with " +
  "data-modifying CTEs: WITH a AS (INSERT … RETURNING id) INSERT … SELECT … FROM a.";
const FUNCTION_HINT =
  "Functions, procedures and triggers cannot be created. Use views, generated columns, defaults, CHECK constraints, or " +
  "one statement with data-modifying CTEs.";
const PREPARE_HINT = "Send the statement with $1, $2, … and its params: it is prepared by itself.";
const CURSOR_HINT = "Read page by page: WHERE id > $1 ORDER BY id LIMIT $2.";
const NOTIFY_HINT = "Nothing is sent to clients: ask for what is new, WHERE id > $1 ORDER BY id.";
const ROLE_HINT = "Rights are held by tokens: ask the operator for a token with the permissions that you need.";

interface RefusedStatement {
  readonly name: string;
  readonly hint?: string;
}

function refused(name: string, hint?: string): RefusedStatement {
  return hint === undefined ? { name } : { name, hint };
}

export const REFUSED_STATEMENTS: Partial<Record<NodeType, RefusedStatement>> = {
  AlterCollationStmt: refused("ALTER COLLATION"),
  AlterDatabaseRefreshCollStmt: refused("ALTER DATABASE"),
  AlterDatabaseSetStmt: refused("ALTER DATABASE"),
  AlterDatabaseStmt: refused("ALTER DATABASE"),
  AlterDefaultPrivilegesStmt: refused("ALTER DEFAULT PRIVILEGES", ROLE_HINT),
  AlterEventTrigStmt: refused("ALTER EVENT TRIGGER"),
  AlterExtensionContentsStmt: refused("ALTER EXTENSION"),
  AlterExtensionStmt: refused("ALTER EXTENSION"),
  AlterFdwStmt: refused("ALTER FOREIGN DATA WRAPPER"),
  AlterForeignServerStmt: refused("ALTER SERVER"),
  AlterFunctionStmt: refused("ALTER FUNCTION", FUNCTION_HINT),
  AlterObjectDependsStmt: refused("ALTER … DEPENDS ON EXTENSION"),
  AlterObjectSchemaStmt: refused("ALTER … SET SCHEMA", "A tenant has one schema, and everything stays in it."),
  AlterOperatorStmt: refused("ALTER OPERATOR"),
  AlterOpFamilyStmt: refused("ALTER OPERATOR FAMILY"),
  AlterOwnerStmt: refused("ALTER … OWNER TO", ROLE_HINT),
  AlterPolicyStmt: refused("ALTER POLICY", ROLE_HINT),
  AlterPublicationStmt: refused("ALTER PUBLICATION"),
  AlterRoleSetStmt: refused("ALTER ROLE", ROLE_HINT),
  AlterRoleStmt: refused("ALTER ROLE", ROLE_HINT),
  AlterStatsStmt: refused("ALTER STATISTICS"),
  AlterSubscriptionStmt: refused("ALTER SUBSCRIPTION"),
  AlterSystemStmt: refused("ALTER SYSTEM"),
  AlterTableMoveAllStmt: refused("ALTER TABLE ALL IN TABLESPACE"),
  AlterTableSpaceOptionsStmt: refused("ALTER TABLESPACE"),
  AlterTSConfigurationStmt: refused("ALTER TEXT SEARCH CONFIGURATION"),
  AlterTSDictionaryStmt: refused("ALTER TEXT SEARCH DICTIONARY"),
  AlterTypeStmt: refused("ALTER TYPE … SET (…)"),
  AlterUserMappingStmt: refused("ALTER USER MAPPING"),
  CallStmt: refused("CALL", FUNCTION_HINT),
  CheckPointStmt: refused("CHECKPOINT"),
  ClosePortalStmt: refused("CLOSE", CURSOR_HINT),
  ClusterStmt: refused("CLUSTER"),
  CommentStmt: refused("COMMENT"),
  ConstraintsSetStmt: refused("SET CONSTRAINTS", "Declare the constraint DEFERRABLE INITIALLY DEFERRED."),
  CopyStmt: refused(
    "COPY",
    "Load many rows with INSERT … SELECT … FROM jsonb_to_recordset($1) AS r(…), and read them with SELECT.",
  ),
  CreateAmStmt: refused("CREATE ACCESS METHOD"),
  CreateCastStmt: refused("CREATE CAST"),
  CreateConversionStmt: refused("CREATE CONVERSION"),
  CreatedbStmt: refused("CREATE DATABASE"),
  CreateEventTrigStmt: refused("CREATE EVENT TRIGGER"),
  CreateExtensionStmt: refused("CREATE EXTENSION", "The operator decides which extensions there are."),
  CreateFdwStmt: refused("CREATE FOREIGN DATA WRAPPER"),
  CreateForeignServerStmt: refused("CREATE SERVER"),
  CreateForeignTableStmt: refused("CREATE FOREIGN TABLE"),
  CreateFunctionStmt: refused("CREATE FUNCTION", FUNCTION_HINT),
  CreateOpClassStmt: refused("CREATE OPERATOR CLASS"),
  CreateOpFamilyStmt: refused("CREATE OPERATOR FAMILY"),
  CreatePLangStmt: refused("CREATE LANGUAGE"),
  CreatePolicyStmt: refused("CREATE POLICY", ROLE_HINT),
  CreatePublicationStmt: refused("CREATE PUBLICATION"),
  CreateRangeStmt: refused("CREATE TYPE … AS RANGE", "PostgreSQL's own range types can be used."),
  CreateRoleStmt: refused("CREATE ROLE", ROLE_HINT),
  CreateSchemaStmt: refused("CREATE SCHEMA", "A tenant has one schema: create the tables in it, unqualified."),
  CreateStatsStmt: refused("CREATE STATISTICS"),
  CreateSubscriptionStmt: refused("CREATE SUBSCRIPTION"),
  CreateTableSpaceStmt: refused("CREATE TABLESPACE"),
  CreateTransformStmt: refused("CREATE TRANSFORM"),
  CreateTrigStmt: refused("CREATE TRIGGER", FUNCTION_HINT),
  CreateUserMappingStmt: refused("CREATE USER MAPPING"),
  DeallocateStmt: refused("DEALLOCATE", PREPARE_HINT),
  DeclareCursorStmt: refused("DECLARE", CURSOR_HINT),
  DefineStmt: refused("CREATE"),
  DiscardStmt: refused("DISCARD", SESSION_HINT),
  DoStmt: refused("DO", FUNCTION_HINT),
  DropdbStmt: refused("DROP DATABASE"),
  DropOwnedStmt: refused("DROP OWNED"),
  DropRoleStmt: refused("DROP ROLE", ROLE_HINT),
  DropSubscriptionStmt: refused("DROP SUBSCRIPTION"),
  DropTableSpaceStmt: refused("DROP TABLESPACE"),
  DropUserMappingStmt: refused("DROP USER MAPPING"),
  ExecuteStmt: refused("EXECUTE", PREPARE_HINT),
  FetchStmt: refused("FETCH", CURSOR_HINT),
  GrantRoleStmt: refused("GRANT", ROLE_HINT),
  GrantStmt: refused("GRANT", ROLE_HINT),
  ImportForeignSchemaStmt: refused("IMPORT FOREIGN SCHEMA"),
  ListenStmt: refused("LISTEN", NOTIFY_HINT),
  LoadStmt: refused("LOAD"),
  LockStmt: refused("LOCK", "Lock rows with SELECT … FOR UPDATE inside the statement that changes them."),
  NotifyStmt: refused("NOTIFY", NOTIFY_HINT),
  PrepareStmt: refused("PREPARE", PREPARE_HINT),
  ReassignOwnedStmt: refused("REASSIGN OWNED"),
  ReindexStmt: refused("REINDEX", "DROP INDEX and CREATE INDEX make it anew."),
  RuleStmt: refused("CREATE RULE", FUNCTION_HINT),
  SecLabelStmt: refused("SECURITY LABEL"),
  TransactionStmt: refused("BEGIN, COMMIT, ROLLBACK, SAVEPOINT", TRANSACTION_HINT),
  UnlistenStmt: refused("UNLISTEN", NOTIFY_HINT),
  VacuumStmt: refused("VACUUM", "PostgreSQL vacuums and analyzes tables by itself."),
  VariableSetStmt: refused("SET", SESSION_HINT),
  VariableShowStmt: refused("SHOW", "version(), current_database() and now() tell what applications need to know."),
};

/** Refused nodes that occur inside a statement. */
export const REFUSED_PARTS: Partial<Record<NodeType, RefusedStatement>> = {
  AccessPriv: refused("GRANT"),
  CreateOpClassItem: refused("CREATE OPERATOR CLASS"),
  CurrentOfExpr: refused("WHERE CURRENT OF", CURSOR_HINT),
  FunctionParameter: refused("CREATE FUNCTION", FUNCTION_HINT),
  ObjectWithArgs: refused("function signatures"),
  PLAssignStmt: refused("PL/pgSQL assignments"),
  PublicationObjSpec: refused("CREATE PUBLICATION"),
  PublicationTable: refused("CREATE PUBLICATION"),
  RangeTableFunc: refused("XMLTABLE", "JSON is supported in full: jsonb_to_recordset(), JSON_TABLE()."),
  RangeTableFuncCol: refused("XMLTABLE"),
  ReplicaIdentityStmt: refused("REPLICA IDENTITY"),
  ReturnStmt: refused("RETURN"),
  RoleSpec: refused("role names"),
  StatsElem: refused("CREATE STATISTICS"),
  TriggerTransition: refused("CREATE TRIGGER", FUNCTION_HINT),
  VacuumRelation: refused("VACUUM"),
  XmlExpr: refused("XML expressions"),
  XmlSerialize: refused("XMLSERIALIZE"),
};

/** Nodes that PostgreSQL makes after parsing. The parser never returns them. */
export const NEVER_PARSED: readonly NodeType[] = [
  ...(["Aggref", "AlternativeSubPlan", "ArrayCoerceExpr", "ArrayExpr", "CallContext", "CaseTestExpr"] as const),
  ...(["CoerceToDomain", "CoerceToDomainValue", "CoerceViaIO", "CollateExpr", "ConvertRowtypeExpr"] as const),
  ...([
    "DistinctExpr",
    "FieldSelect",
    "FieldStore",
    "FromExpr",
    "FuncExpr",
    "InferenceElem",
    "InlineCodeBlock",
  ] as const),
  ...(["IntList", "JsonConstructorExpr", "JsonExpr", "JsonTablePath", "JsonTablePathScan"] as const),
  ...(["JsonTableSiblingJoin", "MergeAction", "NextValueExpr", "NullIfExpr", "OidList", "OnConflictExpr"] as const),
  ...(["OpExpr", "Param", "Query", "RangeTblEntry", "RangeTblFunction", "RangeTblRef", "RawStmt"] as const),
  ...(["RelabelType", "ReturningExpr", "RowCompareExpr", "RowMarkClause", "RTEPermissionInfo"] as const),
  ...(["ScalarArrayOpExpr", "SetOperationStmt", "SortGroupClause", "SubPlan", "SubscriptingRef"] as const),
  ...(["TableFunc", "TableSampleClause", "TargetEntry", "Var", "WindowClause", "WindowFunc"] as const),
  ...(["WindowFuncRunCondition", "WithCheckOption"] as const),
];

/** Refused fields of allowed nodes, with the name of the clause that sets the field. */
export const REFUSED_CLAUSES: Readonly<Record<string, RefusedStatement>> = {
  "AlterTableStmt.objtype": refused("ALTER of this kind of object"),
  "ColumnDef.fdwoptions": refused("OPTIONS"),
  "Constraint.indexspace": refused("USING INDEX TABLESPACE"),
  "CreateStmt.accessMethod": refused("USING (table access method)"),
  "CreateStmt.oncommit": refused("ON COMMIT"),
  "CreateStmt.tablespacename": refused("TABLESPACE"),
  "CreateTableAsStmt.objtype": refused("CREATE … AS of this kind of object"),
  "DropStmt.concurrent": refused("CONCURRENTLY", "Leave CONCURRENTLY away: every statement runs in a transaction."),
  "IndexStmt.accessMethod": refused("USING (this index access method)"),
  "IndexStmt.concurrent": refused("CONCURRENTLY", "Leave CONCURRENTLY away: every statement runs in a transaction."),
  "IndexStmt.tableSpace": refused("TABLESPACE"),
  "IntoClause.accessMethod": refused("USING (table access method)"),
  "IntoClause.onCommit": refused("ON COMMIT"),
  "IntoClause.tableSpaceName": refused("TABLESPACE"),
  "PartitionCmd.concurrent": refused("CONCURRENTLY", "Leave CONCURRENTLY away: every statement runs in a transaction."),
  "RangeVar.relpersistence": refused("TEMPORARY", "Use a CTE (WITH t AS (…)) or an ordinary table."),
  "RefreshMatViewStmt.concurrent": refused("CONCURRENTLY", "Leave CONCURRENTLY away."),
  "TypeName.pct_type": refused("%TYPE"),
  "TypeName.setof": refused("SETOF"),
};
