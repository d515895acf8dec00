// Lists the nodes of a parse tree that are allowed, their allowed fields, and the allowed values of these. Everything else is refused, so
// that syntax which a later grammar adds stays closed until somebody has reviewed it. Names, types, functions and options have rules of
// their own.

import type { NodeType } from "../../sql/walk.ts";
import { ALTER_TABLE_ACTIONS, DROPPED_OBJECTS, RENAMED_OBJECTS } from "./object-kinds.ts";

export const ANY_VALUE: ReadonlySet<unknown> = new Set();

type AllowedFields = ReadonlyMap<string, ReadonlySet<unknown>>;

type AllowedValues = Readonly<Record<string, readonly unknown[]>>;

function fields(names: string, values: AllowedValues = {}): AllowedFields {
  const free = names.split(" ").filter((name) => name !== "");
  return new Map<string, ReadonlySet<unknown>>([
    ...free.map((name): [string, ReadonlySet<unknown>] => [name, ANY_VALUE]),
    ...Object.entries(values).map(([name, allowed]): [string, ReadonlySet<unknown>] => [name, new Set(allowed)]),
  ]);
}

const NO_ON_COMMIT = ["ONCOMMIT_NOOP"];

/** The index methods of PostgreSQL, its extension bloom, and pgvector. */
const INDEX_METHODS = ["btree", "hash", "gin", "gist", "spgist", "brin", "bloom", "ivfflat", "hnsw"];

const STATEMENTS: Partial<Record<NodeType, AllowedFields>> = {
  SelectStmt: fields(
    "distinctClause intoClause targetList fromClause whereClause groupClause groupDistinct havingClause windowClause " +
      "valuesLists sortClause limitOffset limitCount limitOption lockingClause withClause op all larg rarg",
  ),
  InsertStmt: fields("relation cols selectStmt onConflictClause returningClause withClause override"),
  UpdateStmt: fields("relation targetList whereClause fromClause returningClause withClause"),
  DeleteStmt: fields("relation usingClause whereClause returningClause withClause"),
  MergeStmt: fields("relation sourceRelation joinCondition mergeWhenClauses returningClause withClause"),
  ExplainStmt: fields("query options"),
  CreateStmt: fields(
    "relation tableElts inhRelations partbound partspec ofTypename constraints nnconstraints options if_not_exists",
    { oncommit: NO_ON_COMMIT },
  ),
  CreateTableAsStmt: fields("query into is_select_into if_not_exists", { objtype: ["OBJECT_TABLE", "OBJECT_MATVIEW"] }),
  ViewStmt: fields("view aliases query replace options withCheckOption"),
  IndexStmt: fields(
    "idxname relation indexParams indexIncludingParams options whereClause unique nulls_not_distinct if_not_exists",
    { accessMethod: INDEX_METHODS },
  ),
  CreateSeqStmt: fields("sequence options if_not_exists"),
  CreateEnumStmt: fields("typeName vals"),
  CreateDomainStmt: fields("domainname typeName collClause constraints"),
  CompositeTypeStmt: fields("typevar coldeflist"),
  AlterTableStmt: fields("relation cmds missing_ok", {
    objtype: ["OBJECT_TABLE", "OBJECT_INDEX", "OBJECT_VIEW", "OBJECT_SEQUENCE", "OBJECT_MATVIEW", "OBJECT_TYPE"],
  }),
  AlterSeqStmt: fields("sequence options missing_ok"),
  AlterDomainStmt: fields("typeName name def behavior missing_ok", { subtype: ["T", "N", "O", "C", "X", "V"] }),
  AlterEnumStmt: fields("typeName oldVal newVal newValNeighbor newValIsAfter skipIfNewValExists"),
  RenameStmt: fields("relation object subname newname behavior missing_ok relationType", {
    renameType: [...RENAMED_OBJECTS.keys()],
  }),
  RefreshMatViewStmt: fields("skipData relation"),
  DropStmt: fields("objects behavior missing_ok", { removeType: [...DROPPED_OBJECTS.keys()] }),
  TruncateStmt: fields("relations restart_seqs behavior"),
};

/** Nodes that are parts of a query. */
const QUERY_PARTS: Partial<Record<NodeType, AllowedFields>> = {
  Alias: fields("aliasname colnames"),
  CommonTableExpr: fields("ctename aliascolnames ctematerialized ctequery search_clause cycle_clause location"),
  CTECycleClause: fields(
    "cycle_col_list cycle_mark_column cycle_mark_value cycle_mark_default cycle_path_column location",
  ),
  CTESearchClause: fields("search_col_list search_breadth_first search_seq_column location"),
  GroupingSet: fields("kind content location"),
  InferClause: fields("indexElems whereClause conname location"),
  IntoClause: fields("rel colNames options skipData", { onCommit: NO_ON_COMMIT }),
  JoinExpr: fields("jointype isNatural larg rarg usingClause join_using_alias quals alias", {
    jointype: ["JOIN_INNER", "JOIN_LEFT", "JOIN_FULL", "JOIN_RIGHT"],
  }),
  LockingClause: fields("lockedRels strength waitPolicy"),
  MergeWhenClause: fields("matchKind override condition targetList values", {
    commandType: ["CMD_INSERT", "CMD_UPDATE", "CMD_DELETE", "CMD_NOTHING"],
  }),
  OnConflictClause: fields("action infer targetList whereClause location"),
  RangeFunction: fields("lateral ordinality is_rowsfrom functions alias coldeflist"),
  RangeSubselect: fields("lateral subquery alias"),
  RangeTableSample: fields("relation method args repeatable location"),
  RangeVar: fields("catalogname schemaname relname inh alias location", { relpersistence: ["p", "u"] }),
  ResTarget: fields("name indirection val location"),
  ReturningClause: fields("options exprs"),
  ReturningOption: fields("option value location"),
  SortBy: fields("node sortby_dir sortby_nulls useOp location"),
  WindowDef: fields("name refname partitionClause orderClause frameOptions startOffset endOffset location"),
  WithClause: fields("ctes recursive location"),
};

const EXPRESSIONS: Partial<Record<NodeType, AllowedFields>> = {
  A_ArrayExpr: fields("elements list_start list_end location"),
  A_Const: fields("ival fval boolval sval bsval isnull location"),
  A_Expr: fields("kind name lexpr rexpr rexpr_list_start rexpr_list_end location"),
  A_Indices: fields("is_slice lidx uidx"),
  A_Indirection: fields("arg indirection"),
  A_Star: fields(""),
  BitString: fields("bsval"),
  BoolExpr: fields("boolop args location"),
  Boolean: fields("boolval"),
  BooleanTest: fields("arg booltesttype location"),
  CaseExpr: fields("arg args defresult location"),
  CaseWhen: fields("expr result location"),
  CoalesceExpr: fields("args location"),
  CollateClause: fields("arg collname location"),
  ColumnRef: fields("fields location"),
  Float: fields("fval"),
  FuncCall: fields(
    "funcname args agg_order agg_filter over agg_within_group agg_star agg_distinct func_variadic location",
    { funcformat: ["COERCE_EXPLICIT_CALL", "COERCE_SQL_SYNTAX"] },
  ),
  GroupingFunc: fields("args location"),
  Integer: fields("ival"),
  List: fields("items"),
  MergeSupportFunc: fields("location msftype"),
  MinMaxExpr: fields("op args location"),
  MultiAssignRef: fields("source colno ncolumns"),
  NamedArgExpr: fields("arg name argnumber location"),
  NullTest: fields("arg nulltesttype location"),
  ParamRef: fields("number location"),
  RowExpr: fields("args row_format location"),
  SetToDefault: fields("location"),
  SQLValueFunction: fields("typmod location", {
    op: [
      "SVFOP_CURRENT_DATE",
      "SVFOP_CURRENT_TIME",
      "SVFOP_CURRENT_TIME_N",
      "SVFOP_CURRENT_TIMESTAMP",
      "SVFOP_CURRENT_TIMESTAMP_N",
      "SVFOP_LOCALTIME",
      "SVFOP_LOCALTIME_N",
      "SVFOP_LOCALTIMESTAMP",
      "SVFOP_LOCALTIMESTAMP_N",
      "SVFOP_CURRENT_ROLE",
      "SVFOP_CURRENT_USER",
      "SVFOP_USER",
      "SVFOP_CURRENT_CATALOG",
      "SVFOP_CURRENT_SCHEMA",
    ],
  }),
  String: fields("sval"),
  SubLink: fields("subLinkType testexpr operName subselect location"),
  TypeCast: fields("arg typeName location"),
  TypeName: fields("names typmods typemod arrayBounds location"),
};

const JSON_EXPRESSIONS: Partial<Record<NodeType, AllowedFields>> = {
  JsonAggConstructor: fields("output agg_filter agg_order over location"),
  JsonArgument: fields("val name"),
  JsonArrayAgg: fields("constructor arg absent_on_null"),
  JsonArrayConstructor: fields("exprs output absent_on_null location"),
  JsonArrayQueryConstructor: fields("query output format absent_on_null location"),
  JsonBehavior: fields("btype expr location"),
  JsonFormat: fields("format_type encoding location"),
  JsonFuncExpr: fields("op column_name context_item pathspec passing output on_empty on_error wrapper quotes location"),
  JsonIsPredicate: fields("expr format item_type unique_keys location"),
  JsonKeyValue: fields("key value"),
  JsonObjectAgg: fields("constructor arg absent_on_null unique"),
  JsonObjectConstructor: fields("exprs output absent_on_null unique location"),
  JsonOutput: fields("typeName returning"),
  JsonParseExpr: fields("expr output unique_keys location"),
  JsonReturning: fields("format typmod"),
  JsonScalarExpr: fields("expr output location"),
  JsonSerializeExpr: fields("expr output location"),
  JsonTable: fields("context_item pathspec passing columns on_error alias lateral location"),
  JsonTableColumn: fields("coltype name typeName pathspec format wrapper quotes columns on_empty on_error location"),
  JsonTablePathSpec: fields("string name name_location location"),
  JsonValueExpr: fields("raw_expr format"),
};

/** Nodes that are parts of a definition. */
const DEFINITION_PARTS: Partial<Record<NodeType, AllowedFields>> = {
  AlterTableCmd: fields("name num def behavior missing_ok recurse", { subtype: [...ALTER_TABLE_ACTIONS.keys()] }),
  ATAlterConstraint: fields(
    "conname alterEnforceability is_enforced alterDeferrability deferrable initdeferred alterInheritability noinherit",
  ),
  ColumnDef: fields(
    "colname typeName compression is_local is_not_null storage_name raw_default identity generated collClause " +
      "constraints location",
  ),
  Constraint: fields(
    "contype conname deferrable initdeferred is_enforced skip_validation initially_valid is_no_inherit raw_expr " +
      "generated_when generated_kind nulls_not_distinct keys without_overlaps including exclusions options indexname " +
      "where_clause pktable fk_attrs pk_attrs fk_with_period pk_with_period fk_matchtype fk_upd_action fk_del_action " +
      "fk_del_set_cols location",
    { access_method: INDEX_METHODS },
  ),
  DefElem: fields("defname arg location", { defaction: ["DEFELEM_UNSPEC"] }),
  IndexElem: fields("name expr collation opclass opclassopts ordering nulls_ordering"),
  PartitionBoundSpec: fields("strategy is_default modulus remainder listdatums lowerdatums upperdatums location"),
  PartitionCmd: fields("name bound"),
  PartitionElem: fields("name expr collation opclass location"),
  PartitionRangeDatum: fields("kind value location"),
  PartitionSpec: fields("strategy partParams location"),
  TableLikeClause: fields("relation options"),
};

export const ALLOWED_NODES: Partial<Record<NodeType, AllowedFields>> = {
  ...STATEMENTS,
  ...QUERY_PARTS,
  ...EXPRESSIONS,
  ...JSON_EXPRESSIONS,
  ...DEFINITION_PARTS,
};
