import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ArrayLiteral, type LiteralForm } from "../../../../src/execution/parameters/array-literal.ts";
import {
  parameterForm,
  type ParameterForm,
  parameterText,
} from "../../../../src/execution/parameters/parameter-text.ts";
import type { UserType } from "../../../../src/execution/results/result-set.ts";
import type { Parameter } from "../../../../src/base/parameters.ts";

const text = (value: string): Parameter => ({ kind: "string", text: value });
const array = (json: string): Parameter => ({ kind: "array", text: json });
const literal: LiteralForm = { kind: "array", delimiter: ",", elements: "plain" };

/** The text that reaches PostgreSQL, whether it is kept as a text or as bytes. */
function sent(parameter: Parameter, form: ParameterForm | undefined): string | undefined {
  return parameterText(parameter, form)?.toString();
}

describe("parameterText", () => {
  it.each<[string, Parameter, string | null]>([
    ["null as NULL", { kind: "null" }, null],
    ["a string as it is", text('a"\\ b'), 'a"\\ b'],
    ["a number with every digit", { kind: "number", text: "1.10000000000000000001" }, "1.10000000000000000001"],
    ["an object as its JSON text", { kind: "object", text: '{"a": 1}' }, '{"a": 1}'],
  ])("sends %s", (_, parameter, expected) => {
    expect(parameterText(parameter, undefined)).toBe(expected);
  });

  it.each<[string, Parameter, ParameterForm, string]>([
    ["as JSON", array("[1, null]"), { kind: "json" }, "[1, null]"],
    ["of nothing", array("[ ]"), literal, "{}"],
    ["with NULL apart from its name", array('[null,"null"]'), literal, '{NULL,"null"}'],
    ["with quotes and backslashes escaped", array(String.raw`["\"\\"]`), literal, String.raw`{"\"\\"}`],
    [
      "with what escapes stand for",
      array(String.raw`["\n\/\u00e4\uD83D\uDE00\u0022\u005C"]`),
      literal,
      '{"\n/ä😀\\"\\\\"}',
    ],
    ["with characters beyond ASCII", array('["ä😀"]'), literal, '{"ä😀"}'],
    [
      "with numbers and booleans as they are",
      array("[-1, 1.50\n,1E+5,true,false]"),
      literal,
      "{-1,1.50,1E+5,true,false}",
    ],
    ["with blanks in strings only", array('[ "a b" ,\t" " ]'), literal, '{"a b"," "}'],
    ["with what looks like structure in strings", array('["],[", "{,}"]'), literal, '{"],[","{,}"}'],
    ["nested", array('[["a"],["b"]]'), literal, '{{"a"},{"b"}}'],
    [
      "with objects as their JSON text",
      array(String.raw`[{"a": ["\"}\\"]}, {}]`),
      literal,
      String.raw`{"{\"a\": [\"\\\"}\\\\\"]}","{}"}`,
    ],
    ["with another delimiter", array('["a", "b,c"]'), { ...literal, delimiter: ";" }, '{"a";"b,c"}'],
    [
      "with documents as elements",
      array('["s", [1, "]"], null, {"a":[null]}, 1]'),
      { ...literal, elements: "json" },
      String.raw`{"\"s\"","[1, \"]\"]",NULL,"{\"a\":[null]}",1}`,
    ],
  ])("sends an array %s", (...[, parameter, form, expected]) => {
    expect(sent(parameter, form)).toBe(expected);
  });
});

it("writes arrays of any size, whole", () => {
  const elements = Array.from({ length: 50_000 }, (_, index) => `😀${index}`);
  const expected = `{${elements.map((element) => `"${element}"`).join()}}`;
  expect(sent(array(JSON.stringify(elements)), literal)).toBe(expected);
});

it("writes an array in slices of any size as in one go", () => {
  const forms: LiteralForm[] = (["plain", "json", "integer"] as const).map((elements) => ({
    kind: "array",
    delimiter: ",",
    elements,
  }));
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue()),
      fc.constantFrom(...forms),
      fc.integer({ min: 1, max: 9 }),
      (value, form, size) => {
        const json = JSON.stringify(value, undefined, size % 2);
        const sliced = new ArrayLiteral(Buffer.from(json), form);
        while (!sliced.advance(size)) continue;
        expect(sliced.bytes.toString()).toBe(sent(array(json), form));
      },
    ),
  );
});

it.each([
  ["[5.0, -1e3, 7, 5.5, null, -0.0]", "{5,-1000,7,5.5,NULL,0}"],
  ["[[1.00],[1E+2]]", "{{1},{100}}"],
  ['["5.0", "1e3"]', '{"5.0","1e3"}'],
  [`[1e400,${"1".repeat(70)}.0]`, `{1e400,${"1".repeat(70)}.0}`],
  ["[1e19,1e19,1e19]", "{10000000000000000000,10000000000000000000,10000000000000000000}"],
])("writes the whole numbers of %s without their zeros for an array of integers", (json, expected) => {
  expect(sent(array(json), { ...literal, elements: "integer" })).toBe(expected);
});

it.each<[Parameter, string]>([
  [{ kind: "number", text: "5.0" }, "5"],
  [{ kind: "number", text: "5.5" }, "5.5"],
  [{ kind: "number", text: `1${"0".repeat(100)}.0` }, `1${"0".repeat(100)}.0`],
  [{ kind: "integer", text: "5" }, "5"],
  [{ kind: "string", text: "5.0" }, "5.0"],
])("sends %j as %s where the type is an integer", (parameter, expected) => {
  expect(sent(parameter, { kind: "integer" })).toBe(expected);
});

it("holds the longest literal that an array can become", () => {
  for (const [json, elements] of [
    [`[${'"",'.repeat(1_000)}""]`, "json"],
    [`[${"{},".repeat(1_000)}{}]`, "plain"],
    [`[${"1e19,".repeat(1_000)}1e19]`, "integer"],
    [`[${'"\\\\",'.repeat(1_000)}""]`, "json"],
  ] as const)
    expect(sent(array(json), { ...literal, elements })).toMatch(/^\{.*\}$/);
});

describe("parameterForm", () => {
  const userTypes = new Map<number, UserType>([
    [20_001, { kind: "domain", baseOid: 3802 }],
    [20_002, { kind: "array", elementOid: 20_001, delimiter: "," }],
    [20_003, { kind: "array", elementOid: 20_004, delimiter: "|" }],
    [20_004, { kind: "scalar" }],
    [20_006, { kind: "domain", baseOid: 23 }],
    [20_007, { kind: "array", elementOid: 20_006, delimiter: "," }],
    [20_005, { kind: "domain", baseOid: 20_003 }],
  ]);
  it.each<[string, number, ParameterForm]>([
    ["json", 114, { kind: "json" }],
    ["jsonb", 3802, { kind: "json" }],
    ["jsonb[]", 3807, { ...literal, elements: "json" }],
    ["box[]", 1020, { ...literal, delimiter: ";" }],
    ["int2", 21, { kind: "integer" }],
    ["oid", 26, { kind: "integer" }],
    ["int8[]", 1016, { ...literal, elements: "integer" }],
    ["float8[]", 1022, literal],
    ["a domain over int4", 20_006, { kind: "integer" }],
    ["an array of a domain over int4", 20_007, { ...literal, elements: "integer" }],
    ["text", 25, literal],
    ["a domain over jsonb", 20_001, { kind: "json" }],
    ["an array of a domain over jsonb", 20_002, { ...literal, elements: "json" }],
    ["a domain over an array", 20_005, { ...literal, delimiter: "|" }],
  ])("of %s", (_, oid, expected) => {
    expect(parameterForm(oid, userTypes)).toEqual(expected);
  });
});
