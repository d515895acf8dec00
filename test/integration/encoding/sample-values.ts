// Values of every type that a column can have, as PostgreSQL reads them.

import fc from "fast-check";

const character = fc.constantFrom(...Array.from("\"\\{}()[],;:' \n\t\u0001\u007f\u2028aNULnul0é漢🙂</&$=|-"));
const text = fc.oneof(
  fc.string({ unit: character, maxLength: 12 }),
  fc.constantFrom("", "NULL", "null", "{}", '""', "\\", " ", "[0:1]={1,2}"),
);
const json = fc.oneof(
  fc.jsonValue().map((value) => JSON.stringify(value, null, 2).replaceAll("\\u0000", "")),
  text.map((value) => JSON.stringify(value)),
  fc.constantFrom('{ "a":1,  "a":1.10 }', "12345678901234567890.50", "1e400", "null", "[]"),
);
const specialFloats = fc.constantFrom("NaN", "Infinity", "-Infinity", "-0");

/** A composite's text, written with every field quoted. */
function composite(...fields: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc.tuple(...fields).map((values) => `(${values.map(quoted).join(",")})`);
}

function quoted(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function integer(bits: bigint): fc.Arbitrary<string> {
  const limit = 2n ** (bits - 1n);
  return fc
    .oneof(fc.bigInt({ min: -limit, max: limit - 1n }), fc.constantFrom(-limit, limit - 1n, 0n))
    .map((value) => value.toString());
}

const largeIntegers = fc.constantFrom("9007199254740991", "9007199254740992", "-9007199254740991", "-9007199254740992");
const unsigned = fc.nat({ max: 2 ** 32 - 1 }).map(String);

/** By the type's name in pg_type; a type that is missing here fails a test. */
export const BUILTIN_SAMPLES: Readonly<Record<string, fc.Arbitrary<string>>> = {
  bool: fc.constantFrom("t", "f"),
  bytea: text.map((value) => `\\x${Buffer.from(value).toString("hex")}`),
  char: fc.constantFrom("a", '"', "\\", ",", "{", ""),
  name: text,
  int2: integer(16n),
  int4: integer(32n),
  int8: fc.oneof(integer(64n), integer(54n), largeIntegers),
  int2vector: fc.constantFrom("", "1", "1 2 3"),
  oidvector: fc.constantFrom("", "23", "23 25"),
  oid: unsigned,
  xid: unsigned,
  cid: unsigned,
  xid8: fc.constantFrom("1", "18446744073709551615"),
  tid: fc.constantFrom("(0,1)", "(4294967295,65535)"),
  text,
  varchar: text,
  bpchar: text,
  json,
  jsonb: json,
  jsonpath: fc.constantFrom("$", '$."a b"[*] ? (@ > 1)'),
  xml: fc.constantFrom('<a b="c">&amp;, {d}</a>', "plain"),
  float4: fc.oneof(fc.float().map(String), specialFloats),
  float8: fc.oneof(fc.double().map(String), specialFloats),
  numeric: fc.oneof(
    fc.constantFrom("NaN", "1.10", "0.00", "-0.000000001", "9".repeat(40)),
    integer(64n).map((value) => `${value}.50`),
  ),
  money: fc.constantFrom("$1,234.50", "-$0.01", "92233720368547758.07"),
  date: fc.constantFrom("2026-02-03", "0044-03-15 BC", "infinity", "-infinity", "5874897-12-31"),
  time: fc.constantFrom("04:05:06", "04:05:06.789", "24:00:00"),
  timetz: fc.constantFrom("04:05:06+02", "04:05:06.789-05:30"),
  timestamp: fc.constantFrom("2026-02-03 04:05:06.789", "4713-01-01 00:00:00 BC", "infinity", "294276-12-31 23:59:59"),
  timestamptz: fc.oneof(
    fc.constantFrom("infinity", "-infinity", "4713-01-01 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00"),
    fc.constantFrom("2026-02-03 04:05:06.7+05:30", "1900-01-01 00:00:00+00", "0001-01-01 00:00:00+00"),
    fc.date({ min: new Date(0), noInvalidDate: true, max: new Date("9999-12-31") }).map((date) => date.toISOString()),
  ),
  interval: fc.constantFrom("1 year 2 mons -3 days +04:05:06.789", "00:00:00", "-178000000 years"),
  bit: fc.constantFrom("0", "1"),
  varbit: fc.constantFrom("", "10110"),
  uuid: fc.uuid(),
  inet: fc.constantFrom("10.0.0.1", "10.0.0.1/8", "::1", "fe80::1/64"),
  cidr: fc.constantFrom("10.0.0.0/8", "::/0"),
  macaddr: fc.constantFrom("08:00:2b:01:02:03"),
  macaddr8: fc.constantFrom("08:00:2b:01:02:03:04:05"),
  point: fc.constantFrom("(1,2)", "(-1e+300,NaN)"),
  lseg: fc.constantFrom("[(1,2),(3,4)]"),
  line: fc.constantFrom("{1,2,3}"),
  box: fc.constantFrom("(3,4),(1,2)", "(1.5,1),(0,-0)"),
  path: fc.constantFrom("[(1,2),(3,4)]", "((1,2),(3,4))"),
  polygon: fc.constantFrom("((0,0),(1,1),(1,0))"),
  circle: fc.constantFrom("<(1,2),3>"),
  tsvector: fc.constantFrom("'a':1A 'b''c':2 'd e':3", ""),
  tsquery: fc.constantFrom("'a' & !'b c'", ""),
  int4range: fc.constantFrom("[1,5)", "empty", "(,)"),
  int8range: fc.constantFrom("[1,9007199254740993)", "(,5)"),
  numrange: fc.constantFrom("[1.10,2.20]", "empty"),
  tsrange: fc.constantFrom('["2026-01-01 00:00:00","2026-01-02 00:00:00")'),
  tstzrange: fc.constantFrom('["2026-01-01 00:00:00+00",infinity)'),
  daterange: fc.constantFrom("[2026-01-01,2026-02-01)"),
  int4multirange: fc.constantFrom("{}", "{[1,3),[5,7)}"),
  int8multirange: fc.constantFrom("{[1,3),[5,)}"),
  nummultirange: fc.constantFrom("{[1.1,2.2)}"),
  tsmultirange: fc.constantFrom('{["2026-01-01 00:00:00","2026-01-02 00:00:00")}'),
  tstzmultirange: fc.constantFrom('{["2026-01-01 00:00:00+00","2026-01-02 00:00:00+00")}'),
  datemultirange: fc.constantFrom("{[2026-01-01,2026-02-01)}"),
  regproc: fc.constantFrom("now", "-"),
  regprocedure: fc.constantFrom("abs(integer)"),
  regoper: fc.constantFrom("pg_catalog.||/", "0"),
  regoperator: fc.constantFrom("+(integer,integer)"),
  regclass: fc.constantFrom("pg_type", "pg_class"),
  regtype: fc.constantFrom("integer", '"char"', "integer[]"),
  regconfig: fc.constantFrom("english"),
  regdictionary: fc.constantFrom("simple"),
  regnamespace: fc.constantFrom("pg_catalog"),
  regrole: fc.constantFrom("postgres"),
  regcollation: fc.constantFrom('"C"'),
  refcursor: text,
  txid_snapshot: fc.constantFrom("10:20:10,14,15"),
  pg_snapshot: fc.constantFrom("10:20:10,14,15"),
  pg_lsn: fc.constantFrom("16/B374D848"),
  aclitem: fc.constantFrom("postgres=arwdDxt/postgres"),
};

/** Types whose input function always refuses: only the server itself makes their values. */
export const WITHOUT_INPUT: readonly string[] = [
  "pg_node_tree",
  "gtsvector",
  "pg_ndistinct",
  "pg_dependencies",
  "pg_mcv_list",
  "pg_brin_bloom_summary",
  "pg_brin_minmax_multi_summary",
];

export const USER_TYPES_SQL = `
  create type mood as enum ('happy', 'a b', 'NULL', 'quote "', '{,}');
  create type pair as (label text, "odd name" int[]);
  create type text_range as range (subtype = text, collation = "C");
  create table line_item (id int8, note text, tags text[]);
  create domain positive as int check (value > 0);
  create domain small_positive as positive check (value < 1000);
  create domain big as int8;
  create domain labels as text[];
  create domain document as jsonb;
  create domain instant as timestamptz;
  create type piped;
  create function piped_in(cstring) returns piped language internal immutable strict as 'textin';
  create function piped_out(piped) returns cstring language internal immutable strict as 'textout';
  create type piped (input = piped_in, output = piped_out, like = text, delimiter = '|')`;

const smallInteger = fc.integer({ min: 1, max: 999 }).map(String);

/** Types of the database's own (and of information_schema, whose numbers differ between versions), by name. */
export const USER_SAMPLES: Readonly<
  Record<string, { readonly values: fc.Arbitrary<string>; readonly base?: string | { readonly elements: string } }>
> = {
  mood: { values: fc.constantFrom("happy", "a b", "NULL", 'quote "', "{,}") },
  pair: { values: composite(text, fc.constantFrom("{1,2}", "{}", "{{1},{NULL}}")) },
  text_range: { values: fc.constantFrom('["a b","c,d")', "empty") },
  line_item: { values: composite(integer(64n), text, fc.constantFrom('{a,"b c"}')) },
  positive: { values: smallInteger, base: "int4" },
  small_positive: { values: smallInteger, base: "int4" },
  big: { values: largeIntegers, base: "int8" },
  labels: { values: fc.constantFrom('{a,NULL,"b \\"c\\""}', "{}", "{{x},{y}}"), base: { elements: "text" } },
  document: { values: json, base: "jsonb" },
  instant: { values: fc.constantFrom("2026-02-03 04:05:06+00", "infinity"), base: "timestamptz" },
  piped: { values: text },
  "information_schema.cardinal_number": { values: smallInteger, base: "int4" },
  "information_schema.sql_identifier": { values: text, base: "name" },
};
