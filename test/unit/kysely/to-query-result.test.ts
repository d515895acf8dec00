import { describe, expect, it } from "vitest";
import { toQueryResult } from "../../../src/kysely/to-query-result.ts";
import { TYPE_PARSERS } from "../../../src/kysely/type-parsers.ts";

const parsers = new Map(Object.entries(TYPE_PARSERS));

function parse(type: string, value: unknown): unknown {
  const fields = [{ name: "v", type, oid: 0 }];
  const [row] = toQueryResult({ rows: [{ v: value }], row_count: 1, fields, command: "SELECT" }, parsers).rows;
  return row?.v;
}

describe("a value", () => {
  it.each([
    ["int8", 7, "7"],
    ["int8", "9007199254740993", "9007199254740993"],
    ["int8", null, null],
    [
      "int8[]",
      [
        [1, null],
        ["9007199254740993", 2],
      ],
      [
        ["1", null],
        ["9007199254740993", "2"],
      ],
    ],
    ["int8[]", null, null],
    ["float8", 0.1, 0.1],
    ["float8", "-Infinity", -Infinity],
    ["float4[]", ["NaN", 1], [NaN, 1]],
    ["numeric", "1.50", "1.50"],
    ["timestamptz", "2026-02-03T04:05:06.789+00:00", new Date("2026-02-03T04:05:06.789Z")],
    ["timestamptz", "2026-02-03T04:05:06.789123+00:00", new Date("2026-02-03T04:05:06.789Z")],
    ["timestamptz", "infinity", "infinity"],
    ["timestamptz", "0044-03-15 12:00:00+00 BC", "0044-03-15 12:00:00+00 BC"],
    ["timestamptz", "12026-02-03T04:05:06+00:00", "12026-02-03T04:05:06+00:00"],
    ["timestamptz[]", ["2026-02-03T04:05:06+00:00"], [new Date("2026-02-03T04:05:06Z")]],
    ["timestamp", "2026-02-03 04:05:06.5", new Date("2026-02-03T04:05:06.5Z")],
    ["date", "2026-02-03", "2026-02-03"],
    ["bytea", "\\x00ff", Buffer.from([0, 255])],
    ["bytea", "\\x", Buffer.from([])],
    ["jsonb", { at: "2026-02-03T04:05:06+00:00" }, { at: "2026-02-03T04:05:06+00:00" }],
    ["text[]", ["1"], ["1"]],
  ])("of type %s that came as %j is %o", (type, sent, expected) => {
    expect(parse(type, sent)).toEqual(expected);
  });

  it("is a Uint8Array where there is no Buffer", () => {
    const { Buffer: kept } = globalThis;
    Reflect.deleteProperty(globalThis, "Buffer");
    const bytes = parse("bytea", "\\x00ff");
    globalThis.Buffer = kept;
    expect(bytes).toEqual(Uint8Array.of(0, 255));
    expect(Buffer.isBuffer(bytes)).toBe(false);
  });

  it("is that of the last of several columns with one name", () => {
    const fields = [
      { name: "v", type: "int8", oid: 20 },
      { name: "v", type: "int4", oid: 23 },
    ];
    expect(toQueryResult({ rows: [{ v: 1 }], row_count: 1, fields }, parsers).rows).toEqual([{ v: 1 }]);
  });

  it("of a column named like an object's own machinery changes nothing else", () => {
    const rows = JSON.parse('[{"__proto__": 1}]') as object[];
    const fields = [{ name: "__proto__", type: "int8", oid: 20 }];
    expect(JSON.stringify(toQueryResult({ rows, row_count: 1, fields }, parsers).rows)).toBe('[{"__proto__":"1"}]');
  });
});

describe("the number of affected rows", () => {
  it.each([
    ["INSERT", 2n],
    ["UPDATE", 2n],
    ["DELETE", 2n],
    ["MERGE", 2n],
    ["SELECT", undefined],
    ["CREATE TABLE", undefined],
  ])("of %s is %s", (command, expected) => {
    expect(toQueryResult({ rows: [], row_count: 2, fields: [], command }, parsers).numAffectedRows).toBe(expected);
  });
});
