import { describe, expect, it } from "vitest";
import { arrayForm, type ArrayForm, parameterText } from "../../../src/execution/parameter-text.ts";
import type { UserType } from "../../../src/execution/result-set.ts";
import type { Parameter } from "../../../src/parameters.ts";

const text = (value: string): Parameter => ({ kind: "string", text: value });
const array = (json: string, ...elements: Parameter[]): Parameter => ({ kind: "array", text: json, elements });
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
    ["as JSON", array("[1, null]", { kind: "null" }), { kind: "json" }, "[1, null]"],
    ["with NULL apart from its name", array("", { kind: "null" }, text("null")), literal, '{NULL,"null"}'],
    ["with quotes and backslashes escaped", array("", text('"\\')), literal, String.raw`{"\"\\"}`],
    [
      "with numbers and booleans as they are",
      array("", { kind: "integer", text: "-1" }, { kind: "number", text: "1.50" }, { kind: "boolean", text: "true" }),
      literal,
      "{-1,1.50,true}",
    ],
    ["nested", array("", array("", text("a")), array("", text("b"))), literal, '{{"a"},{"b"}}'],
    ["with another delimiter", array("", text("a"), text("b")), { ...literal, delimiter: ";" }, '{"a";"b"}'],
    [
      "with documents as elements",
      array("", text("s"), array("[1]", text("1")), { kind: "null" }),
      { ...literal, hasJsonElements: true },
      String.raw`{"\"s\"","[1]",NULL}`,
    ],
  ])("sends an array %s", (...[, parameter, form, expected]) => {
    expect(parameterText(parameter, form)).toBe(expected);
  });
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
