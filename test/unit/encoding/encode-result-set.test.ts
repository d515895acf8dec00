import { describe, expect, it } from "vitest";
import { encodeAnswer } from "../../../src/encoding/encode-answer.ts";
import type { UserType } from "../../../src/execution/results/result-set.ts";
import type { Field } from "../../../src/wire/field.ts";
import { DEFAULT_FORM, type ResultForm } from "../../../src/base/query-request.ts";
import { dataRow, type TextResult } from "../../support/data-row.ts";

type Column = readonly [name: string, typeOid: number, text: string | null];

function field(name: string, typeOid: number): Field {
  return { name, typeOid, typeSize: -1, typeModifier: -1, tableOid: 0, columnNumber: 0 };
}

type UserTypes = TextResult["userTypes"];

function encodeResultSet(
  { rows, ...result }: TextResult,
  maxBytes = Number.POSITIVE_INFINITY,
  form: ResultForm = DEFAULT_FORM,
): string {
  return encodeAnswer(
    [{ ...result, rows: rows.map(dataRow) }],
    { isBatch: false, statements: [{ form }] },
    maxBytes,
  ).toString();
}

function resultOf(columns: readonly Column[], userTypes: UserTypes = new Map()): TextResult {
  return {
    fields: columns.map(([name, typeOid]) => field(name, typeOid)),
    rows: [columns.map(([, , text]) => text)],
    rowCount: 1,
    commandTag: "SELECT 1",
    userTypes,
  };
}

function encodeValue(typeOid: number, text: string | null, userTypes?: UserTypes): string {
  const json = encodeResultSet(resultOf([["v", typeOid, text]], userTypes));
  return json.slice('{"rows":[{"v":'.length, -'}],"row_count":1}'.length);
}

describe("encodeResultSet", () => {
  it("writes rows as objects in the statement's column order, and the count", () => {
    const result: TextResult = {
      fields: [field("name", 25), field("id", 23)],
      rows: [
        ["Alice", "1"],
        [null, "2"],
      ],
      rowCount: 2,
      commandTag: "SELECT 2",
      userTypes: new Map(),
    };
    expect(encodeResultSet(result)).toBe('{"rows":[{"name":"Alice","id":1},{"name":null,"id":2}],"row_count":2}');
  });

  it.each([
    ["plain text", "x".repeat(1_000)],
    ["control characters", "\u0001\n".repeat(500)],
    ["characters of two, three and four bytes", "é€😀".repeat(100)],
    ["NULL", null],
  ])("counts the bytes of %s exactly", (_, text) => {
    const result = resultOf([
      ["first", 25, text],
      ["second", 1009, text === null ? null : `{"${text}"}`],
    ]);
    const twice = { ...result, rows: [...result.rows, ...result.rows], rowCount: 2 };
    const bytes = Buffer.byteLength(encodeResultSet(twice));
    expect(Buffer.byteLength(encodeResultSet(twice, bytes))).toBe(bytes);
    expect(() => encodeResultSet(twice, bytes - 1)).toThrow(
      expect.objectContaining({ code: "RESULT_TOO_LARGE", details: { max_bytes: bytes - 1 } }),
    );
  });

  it("gives up a long answer before it is complete", () => {
    const { fields, userTypes } = resultOf([["v", 25, ""]]);
    const row = ["x".repeat(100)];
    const rows = [...Array.from({ length: 10 }, () => row), []]; // The last one cannot be encoded.
    expect(() => encodeResultSet({ fields, rows, rowCount: 11, commandTag: "", userTypes }, 1_000)).toThrow(
      "Result too large",
    );
    expect(() => encodeResultSet({ fields, rows, rowCount: 11, commandTag: "", userTypes }, 2_000)).toThrow(
      "fewer values",
    );
  });

  it("writes the count of a statement without rows", () => {
    expect(encodeResultSet({ fields: [], rows: [], rowCount: 7, commandTag: "UPDATE 7", userTypes: new Map() })).toBe(
      '{"rows":[],"row_count":7}',
    );
  });

  it("writes rows without columns as empty objects", () => {
    expect(
      encodeResultSet({ fields: [], rows: [[], []], rowCount: 2, commandTag: "SELECT 2", userTypes: new Map() }),
    ).toBe('{"rows":[{},{}],"row_count":2}');
  });

  it("writes a name that occurs twice once, at its first place and with its last value", () => {
    const columns: Column[] = [
      ["a", 23, "1"],
      ["b", 25, "two"],
      ["a", 25, "three"],
    ];
    expect(encodeResultSet(resultOf(columns))).toBe('{"rows":[{"a":"three","b":"two"}],"row_count":1}');
  });

  it("keeps the statement's order for names that look like numbers", () => {
    const columns: Column[] = [
      ["b", 23, "1"],
      ["2", 23, "2"],
      ["1", 23, "3"],
    ];
    expect(encodeResultSet(resultOf(columns))).toBe('{"rows":[{"b":1,"2":2,"1":3}],"row_count":1}');
  });

  it.each(["__proto__", "constructor", 'say "hi"', "back\\slash", "new\nline", "?column?", "ключ", "🙂", " "])(
    "takes the column name %j as it is",
    (name) => {
      const { rows } = JSON.parse(encodeResultSet(resultOf([[name, 23, "1"]]))) as { rows: object[] };
      expect(Object.entries(rows[0] ?? {})).toEqual([[name, 1]]);
    },
  );

  it("refuses a row that lacks a value instead of making it null", () => {
    const result = { ...resultOf([["v", 23, "1"]]), rows: [[]] };
    expect(() => encodeResultSet(result)).toThrow("fewer values");
  });
});

describe("a value", () => {
  it.each([
    ["int2", 21, "-32768", "-32768"],
    ["int4", 23, "2147483647", "2147483647"],
    ["oid", 26, "4294967295", "4294967295"],
    ["float4", 700, "0.1", "0.1"],
    ["float8", 701, "1e+20", "1e+20"],
    ["float8", 701, "5e-324", "5e-324"],
    ["float8", 701, "1.7976931348623157e+308", "1.7976931348623157e+308"],
    ["float8", 701, "-0", "-0"],
    ["float8", 701, "NaN", '"NaN"'],
    ["float4", 700, "Infinity", '"Infinity"'],
    ["float8", 701, "-Infinity", '"-Infinity"'],
    ["int8", 20, "9007199254740991", "9007199254740991"],
    ["int8", 20, "-9007199254740991", "-9007199254740991"],
    ["int8", 20, "9007199254740992", '"9007199254740992"'],
    ["int8", 20, "-9007199254740992", '"-9007199254740992"'],
    ["int8", 20, "9007199254740993", '"9007199254740993"'],
    ["int8", 20, "-9223372036854775808", '"-9223372036854775808"'],
    ["numeric", 1700, "12345678901234567890.10", '"12345678901234567890.10"'],
    ["numeric", 1700, "1", '"1"'],
    ["numeric", 1700, "NaN", '"NaN"'],
    ["money", 790, "$1,234.50", '"$1,234.50"'],
    ["bool", 16, "t", "true"],
    ["bool", 16, "f", "false"],
    [
      "json",
      114,
      '{ "a" :1.10, "a": 9007199254740993,\n"b":"\\u0000"}',
      '{ "a" :1.10, "a": 9007199254740993,\n"b":"\\u0000"}',
    ],
    ["json", 114, "null", "null"],
    ["jsonb", 3802, '[1e1000, {"__proto__": 1}]', '[1e1000, {"__proto__": 1}]'],
    ["timestamptz", 1184, "2026-02-03 04:05:06.789+00", '"2026-02-03T04:05:06.789+00:00"'],
    ["timestamptz", 1184, "2026-02-03 04:05:06+00", '"2026-02-03T04:05:06+00:00"'],
    ["timestamptz", 1184, "294276-12-31 23:59:59.999999+00", '"294276-12-31T23:59:59.999999+00:00"'],
    ["timestamptz", 1184, "infinity", '"infinity"'],
    ["timestamptz", 1184, "-infinity", '"-infinity"'],
    ["timestamptz", 1184, "0044-03-15 12:00:00+00 BC", '"0044-03-15 12:00:00+00 BC"'],
    ["timestamp", 1114, "2026-02-03 04:05:06.789", '"2026-02-03 04:05:06.789"'],
    ["date", 1082, "2026-02-03", '"2026-02-03"'],
    ["time", 1083, "04:05:06", '"04:05:06"'],
    ["timetz", 1266, "04:05:06+02", '"04:05:06+02"'],
    ["interval", 1186, "1 day 02:03:04", '"1 day 02:03:04"'],
    ["bytea", 17, "\\x00ff", '"\\\\x00ff"'],
    ["text", 25, "", '""'],
    ["text", 25, 'say "hi" \\ \n\t\u0001\u007f\u2028🙂', '"say \\"hi\\" \\\\ \\n\\t\\u0001\u007f\u2028🙂"'],
    ["uuid", 2950, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"'],
    ["int2vector", 22, "1 2 3", '"1 2 3"'],
    ["oidvector", 30, "23 25", '"23 25"'],
    ["point", 600, "(1,2)", '"(1,2)"'],
    ["record", 2249, '(1,"a b",)', '"(1,\\"a b\\",)"'],
    ["void", 2278, "", '""'],
    ["an unknown type", 9999, "anything", '"anything"'],
  ])("of type %s (%i) sent as %j is %j", (_type, ...[oid, text, json]) => {
    expect(encodeValue(oid, text)).toBe(json);
  });

  it.each([16, 20, 23, 25, 114, 701, 1007, 1184, 3802])("of type %i that is NULL is null", (oid) => {
    expect(encodeValue(oid, null)).toBe("null");
  });
});

describe("an array", () => {
  it.each([
    ["int4[]", 1007, "{}", "[]"],
    ["int4[]", 1007, "{1,NULL,-3}", "[1,null,-3]"],
    ["int4[]", 1007, "{{1,2},{3,NULL}}", "[[1,2],[3,null]]"],
    ["int4[]", 1007, "[0:1]={1,2}", "[1,2]"],
    ["int4[]", 1007, "[-1:0][2:3]={{1,2},{3,4}}", "[[1,2],[3,4]]"],
    ["int8[]", 1016, "{1,9007199254740993}", '[1,"9007199254740993"]'],
    ["float8[]", 1022, "{1.5,NaN,-Infinity}", '[1.5,"NaN","-Infinity"]'],
    ["numeric[]", 1231, "{1.10,NaN}", '["1.10","NaN"]'],
    ["bool[]", 1000, "{t,f,NULL}", "[true,false,null]"],
    ["text[]", 1009, '{a,"b c","",NULL,"NULL","null"}', '["a","b c","",null,"NULL","null"]'],
    ["text[]", 1009, '{"a\\"b","c\\\\d","{e}","f,g","\\\\\\""}', '["a\\"b","c\\\\d","{e}","f,g","\\\\\\""]'],
    ["text[]", 1009, '{"line\nbreak",[x]=y}', '["line\\nbreak","[x]=y"]'],
    ["text[]", 1009, '{"\t\\"q\\"\\\\"}', '["\\t\\"q\\"\\\\"]'],
    ["json[]", 199, '{"{\n\\"a\\": 1}"}', '[{\n"a": 1}]'],
    ["json[]", 199, '{"{\\"a\\": [1, null]}","null",NULL}', '[{"a": [1, null]},null,null]'],
    ["jsonb[]", 3807, '{"\\"x\\"",1}', '["x",1]'],
    ["timestamptz[]", 1185, '{"2026-02-03 04:05:06+00",infinity}', '["2026-02-03T04:05:06+00:00","infinity"]'],
    ["bytea[]", 1001, '{"\\\\x00ff"}', '["\\\\x00ff"]'],
    ["box[]", 1020, "{(1,1),(0,0);(3,3),(2,2)}", '["(1,1),(0,0)","(3,3),(2,2)"]'],
    ["point[]", 1017, '{"(1,2)"}', '["(1,2)"]'],
    ["int2vector[]", 1006, '{"1 2"}', '["1 2"]'],
    ["record[]", 2287, '{"(1,\\"a b\\")"}', '["(1,\\"a b\\")"]'],
  ])("of type %s (%i) sent as %j is %j", (_type, ...[oid, text, json]) => {
    expect(encodeValue(oid, text)).toBe(json);
  });

  it("of a million elements does not exhaust the stack", () => {
    const element = `"${"\\\\".repeat(10)}"`;
    const json = encodeValue(1009, `{${Array(1_000_000).fill(element).join(",")}}`);
    expect(JSON.parse(json)).toHaveLength(1_000_000);
  });

  it("with one element of many megabytes does not exhaust the stack", () => {
    const json = encodeValue(1009, `{"${'\\"'.repeat(4_000_000)}"}`);
    expect(JSON.parse(json)).toEqual(['"'.repeat(4_000_000)]);
  });

  it.each(["", "1 2 3", "{1", '{"a', "[0:1]", '{"a}', "[}", "[=}"])("whose text is %j is refused", (text) => {
    expect(() => encodeValue(1009, text)).toThrow(/array/);
  });
});

describe("a type of the database's own", () => {
  const userTypes = new Map<number, UserType>([
    [16_400, { kind: "scalar" }],
    [16_401, { kind: "array", elementOid: 16_400, delimiter: "," }],
    [16_402, { kind: "domain", baseOid: 23 }],
    [16_403, { kind: "array", elementOid: 16_402, delimiter: "," }],
    [16_404, { kind: "domain", baseOid: 16_402 }],
    [16_405, { kind: "domain", baseOid: 1007 }],
    [16_406, { kind: "array", elementOid: 16_405, delimiter: "," }],
    [16_407, { kind: "array", elementOid: 16_400, delimiter: "|" }],
    [13_158, { kind: "domain", baseOid: 23 }],
  ]);

  it.each([
    ["a scalar", 16_400, 'm"o', '"m\\"o"'],
    ["an array of scalars", 16_401, "{a,NULL}", '["a",null]'],
    ["a domain", 16_402, "7", "7"],
    ["an array of a domain", 16_403, "{7,8}", "[7,8]"],
    ["a domain over a domain", 16_404, "7", "7"],
    ["a domain over an array", 16_405, "{7,NULL}", "[7,null]"],
    ["an array of a domain over an array", 16_406, '{"{1,2}","{}"}', "[[1,2],[]]"],
    ["an array with a delimiter of its own", 16_407, "{a,b|c}", '["a,b","c"]'],
    ["a domain of information_schema", 13_158, "7", "7"],
    ["a type that the catalog does not know any more", 16_999, "{7}", '"{7}"'],
  ])("%s (%i) sent as %j is %j", (_kind, ...[oid, text, json]) => {
    expect(encodeValue(oid, text, userTypes)).toBe(json);
  });
});

describe("what only a server of the tenant's own sends", () => {
  const COLUMNS = 65_534;

  /** One row of as many columns as a message can have, and one more with megabytes. */
  function encodeWide(oid: number, text: string): string {
    const fields = [...Array.from({ length: COLUMNS }, () => field("v", oid)), field("rest", 25)];
    const row = [...Array.from({ length: COLUMNS }, () => text), `${"x".repeat(5_000_000)}={`];
    const result = { fields, rows: [row], rowCount: 1, commandTag: "SELECT 1", userTypes: new Map() };
    return encodeResultSet(result, 10_000_000, { ...DEFAULT_FORM, rowMode: "array" });
  }

  it("costs no more than its size: a time without a space", { timeout: 10_000 }, () => {
    expect(encodeWide(1184, "x+00")).toContain('"x+00"');
  });

  it("costs no more than its size: an array's bounds without an array", { timeout: 10_000 }, () => {
    expect(() => encodeWide(1007, "[}")).toThrow("form of an array");
  });

  it("is worked out once for each type: domains upon domains", { timeout: 10_000 }, () => {
    const first = 20_000;
    const depth = 3_000;
    const domains = Array.from(
      { length: depth },
      (_, at) => [first + at, { kind: "domain", baseOid: at === 0 ? 23 : first + at - 1 }] as const,
    );
    const fields = Array.from({ length: COLUMNS }, (_, at) => field("v", first + depth - 1 - (at % 1_000)));
    const result = { fields, rows: [fields.map(() => "1")], rowCount: 1, commandTag: "SELECT 1" };

    const json = encodeResultSet({ ...result, userTypes: new Map(domains) }, undefined, {
      ...DEFAULT_FORM,
      rowMode: "array",
    });
    expect(json).toMatch(/^{"rows":\[\[1,1/);
  });

  it.each(["postgate", "neon"] as const)("is no longer than an answer may be: names of columns (%s)", (layout) => {
    const fields = Array.from({ length: 1_000 }, () => field("\u0001".repeat(10_000), 25));
    const result = { fields, rows: [], rowCount: 0, commandTag: "SELECT 0", userTypes: new Map() };
    const form: ResultForm = { ...DEFAULT_FORM, layout, withFields: true };
    expect(() => encodeResultSet(result, 1_000_000, form)).toThrow("Result too large");
  });
});

describe("a form of the answer", () => {
  const userTypes = new Map<number, UserType>([
    [16_400, { kind: "scalar", name: "mood" }],
    [16_401, { kind: "array", elementOid: 16_400, delimiter: "," }],
    [16_402, { kind: "domain", baseOid: 23, name: "even" }],
    [16_403, { kind: "array", elementOid: 16_402, delimiter: "," }],
    [16_404, { kind: "scalar" }],
  ]);
  const columns: readonly Column[] = [
    ["id", 23, "1"],
    ["id", 20, "9007199254740993"],
    ["done", 16, "t"],
    ["tags", 1009, '{"a b",NULL}'],
    ["note", 25, null],
  ];

  it.each<[string, Partial<ResultForm>, string]>([
    ["arrays keep columns of one name", { rowMode: "array" }, '[1,"9007199254740993",true,["a b",null],null]'],
    [
      "text is PostgreSQL's own, and NULL stays null",
      { types: "text" },
      String.raw`{"id":"9007199254740993","done":"t","tags":"{\"a b\",NULL}","note":null}`,
    ],
    [
      "both together",
      { types: "text", rowMode: "array" },
      String.raw`["1","9007199254740993","t","{\"a b\",NULL}",null]`,
    ],
  ])("%s", (_, form, row) => {
    const json = encodeResultSet(resultOf(columns), undefined, { ...DEFAULT_FORM, ...form });
    expect(json).toBe(`{"rows":[${row}],"row_count":1}`);
  });

  it("writes rows without columns as empty arrays", () => {
    const result = { fields: [], rows: [[], []], rowCount: 2, commandTag: "SELECT 2", userTypes };
    expect(encodeResultSet(result, undefined, { ...DEFAULT_FORM, rowMode: "array" })).toBe(
      '{"rows":[[],[]],"row_count":2}',
    );
  });

  it.each<[number, string]>([
    [23, "int4"],
    [1043, "varchar"],
    [1007, "int4[]"],
    [3802, "jsonb"],
    [16_400, "mood"],
    [16_401, "mood[]"],
    [16_402, "even"],
    [16_403, "even[]"],
    [16_404, "unknown"],
    [99, "unknown"],
    [99_999, "unknown"],
  ])("calls type %i %s", (oid, type) => {
    const json = encodeResultSet(resultOf([["v", oid, null]], userTypes), undefined, {
      ...DEFAULT_FORM,
      withFields: true,
    });
    expect(JSON.parse(json)).toMatchObject({ fields: [{ name: "v", type, oid }], command: "SELECT" });
  });

  it.each([
    ["INSERT 0 5", "INSERT"],
    ["SELECT 12", "SELECT"],
    ["CREATE TABLE", "CREATE TABLE"],
    ["", ""],
  ])("calls what %j reports %j", (commandTag, command) => {
    const result = { fields: [], rows: [], rowCount: 0, commandTag, userTypes };
    expect(encodeResultSet(result, undefined, { ...DEFAULT_FORM, withFields: true })).toBe(
      `{"rows":[],"row_count":0,"fields":[],"command":"${command}"}`,
    );
  });

  it.each<[string, Partial<ResultForm>]>([
    ["arrays", { rowMode: "array" }],
    ["text", { types: "text" }],
    ["fields", { withFields: true }],
    ["all of them", { rowMode: "array", types: "text", withFields: true }],
  ])("counts every byte of %s", (_, changes) => {
    const form = { ...DEFAULT_FORM, ...changes };
    const result = resultOf([["é€😀".repeat(10), 25, "\u0001€".repeat(100)]]);
    const bytes = Buffer.byteLength(encodeResultSet(result, undefined, form));
    expect(Buffer.byteLength(encodeResultSet(result, bytes, form))).toBe(bytes);
    expect(() => encodeResultSet(result, bytes - 1, form)).toThrow(
      expect.objectContaining({ code: "RESULT_TOO_LARGE" }),
    );
  });
});
