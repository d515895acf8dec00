import { describe, expect, it } from "vitest";
import { arrayForm, type ArrayForm, parameterText } from "../../../../src/execution/parameters/parameter-text.ts";
import type { UserType } from "../../../../src/execution/results/result-set.ts";
import type { Parameter } from "../../../../src/base/parameters.ts";

const text = (value: string): Parameter => ({ kind: "string", text: value });
const array = (json: string): Parameter => ({ kind: "array", text: json });
const literal: ArrayForm = { kind: "array", delimiter: ",", hasJsonElements: false };

describe("parameterText", () => {
  it.each<[string, Parameter, string | null]>([
    ["null as NULL", { kind: "null" }, null],
    ["a string as it is", text('a"\\ b'), 'a"\\ b'],
    ["a number with every digit", { kind: "number", text: "1.10000000000000000001" }, "1.10000000000000000001"],
    ["an object as its JSON text", { kind: "object", text: '{"a": 1}' }, '{"a": 1}'],
  ])("sends %s", (_, parameter, expected) => {
    expect(parameterText(parameter, undefined)).toBe(expected);
  });

  it.each<[string, Parameter, ArrayForm, string]>([
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
      { ...literal, hasJsonElements: true },
      String.raw`{"\"s\"","[1, \"]\"]",NULL,"{\"a\":[null]}",1}`,
    ],
  ])("sends an array %s", (...[, parameter, form, expected]) => {
    expect(parameterText(parameter, form)).toBe(expected);
  });
});

it("writes arrays of any size, whole", () => {
  const elements = Array.from({ length: 50_000 }, (_, index) => `😀${index}`);
  const expected = `{${elements.map((element) => `"${element}"`).join()}}`;
  expect(parameterText(array(JSON.stringify(elements)), literal)).toBe(expected);
});

describe("arrayForm", () => {
  const userTypes = new Map<number, UserType>([
    [20_001, { kind: "domain", baseOid: 3802 }],
    [20_002, { kind: "array", elementOid: 20_001, delimiter: "," }],
    [20_003, { kind: "array", elementOid: 20_004, delimiter: "|" }],
    [20_004, { kind: "scalar" }],
    [20_005, { kind: "domain", baseOid: 20_003 }],
  ]);
  it.each<[string, number, ArrayForm]>([
    ["json", 114, { kind: "json" }],
    ["jsonb", 3802, { kind: "json" }],
    ["jsonb[]", 3807, { ...literal, hasJsonElements: true }],
    ["box[]", 1020, { ...literal, delimiter: ";" }],
    ["int[]", 1007, literal],
    ["text", 25, literal],
    ["a domain over jsonb", 20_001, { kind: "json" }],
    ["an array of a domain over jsonb", 20_002, { ...literal, hasJsonElements: true }],
    ["a domain over an array", 20_005, { ...literal, delimiter: "|" }],
  ])("of %s", (_, oid, expected) => {
    expect(arrayForm(oid, userTypes)).toEqual(expected);
  });
});
