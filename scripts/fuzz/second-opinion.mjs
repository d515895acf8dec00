// Checks a parse tree that the judge has approved a second time, in a simpler way: with plain recursion over the parser's JSON, without
// the judge's schema or tables. It knows less than the judge and must never find anything.

const NEVER =
  /^(?=[A-Z])(?!(?:Create(?:Stmt|TableAsStmt|SeqStmt|EnumStmt|DomainStmt)|Alter(?:Table|Seq|Domain|Enum)Stmt|CompositeTypeStmt)$)(?:Create\w+|Alter\w*Stmt|\w*Policy\w*|Copy\w*|Variable\w+|Transaction\w+|Grant\w*|DoStmt|CallStmt|Listen\w*|Notify\w*|Lock(?!ing)\w*|Prepare\w*|Execute\w*|Xml\w+|RangeTableFunc\w*|DefineStmt|RoleSpec|CurrentOfExpr|Comment\w*|Vacuum\w*|Load\w*)$/;
const DANGEROUS_FUNCTION =
  /^(?:pg_(?!typeof$|column_size$)|has_|to_reg|reg(?!exp_|r_)|lo_|txid_|dblink|query_to|table_to|cursor_to|schema_to|database_to|ts_stat$|ts_rewrite$|set_config$|current_setting$|setseed$|lastval$|inet_|session_user$)/;
const DANGEROUS_TYPE = /^_?(?:reg(?!ion|istration|exp_|r_)\w+|pg_\w+|xml|cstring|internal|aclitem|refcursor)$/;
const NAMING_FUNCTION = /^(?:nextval|currval|setval)$|to_ts|tsquery$|ts_headline$/;

const namesOf = (list = []) => list.map((each) => each.String?.sval ?? "*");

const LOOKS = {
  schemaname: () => true,
  catalogname: () => true,
  relname: (name) => name.startsWith("pg_") || name === "information_schema",
  funcname(list) {
    const names = namesOf(list);
    if (names[0] === "postgate_helpers") return false;
    return names.length > 2 || DANGEROUS_FUNCTION.test(names.at(-1));
  },
  collname: (list) => list.length > 1,
  opclass: (list) => list.length > 1,
  useOp: (list) => list.length > 1,
  operName: (list) => list.length > 1,
};

function isDangerousType(names, call) {
  const isNameLiteral = /^reg(?:class|config)$/.test(names[0]) && NAMING_FUNCTION.test(call);
  return !isNameLiteral && (names.length > 2 || DANGEROUS_TYPE.test(names.at(-1)));
}

function looksWrong(key, { child, node, call }) {
  if (NEVER.test(key)) return true;
  if (key === "names" && "typemod" in node) return isDangerousType(namesOf(child), call);
  return Object.hasOwn(LOOKS, key) && LOOKS[key](child);
}

/** Returns what is wrong with the tree, or undefined. */
export function findViolation(node, outerCall = "") {
  if (typeof node !== "object" || node === null) return undefined;
  const call = node.funcname === undefined ? outerCall : (namesOf(node.funcname).at(-1) ?? "");
  for (const [key, child] of Object.entries(node)) {
    if (looksWrong(key, { child, node, call })) return `${key}: ${JSON.stringify(child)}`;
    const inner = findViolation(child, call);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
