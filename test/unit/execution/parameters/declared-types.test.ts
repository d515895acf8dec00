import { describe, expect, it } from "vitest";
import { declaredTypes, moreUndetermined } from "../../../../src/execution/parameters/declared-types.ts";
import type { Parameter } from "../../../../src/base/parameters.ts";

describe("declaredTypes", () => {
  it.each<[Parameter["kind"], number]>([
    ["string", 25],
    ["null", 25],
    ["boolean", 16],
    ["integer", 20],
    ["number", 1700],
    ["object", 3802],
    ["array", 3802],
  ])("declares the type of a JSON %s", (kind, oid) => {
    expect(declaredTypes([{ kind, text: "" }], [0])).toEqual([oid]);
  });

  it("leaves the others to PostgreSQL", () => {
    const params: Parameter[] = [{ kind: "null" }, { kind: "null" }, { kind: "integer", text: "1" }, { kind: "null" }];
    expect(declaredTypes(params, [2])).toEqual([0, 0, 20]);
    expect(declaredTypes(params, [])).toEqual([]);
  });
});

describe("moreUndetermined", () => {
  it.each([
    ["the parameter that is named", "42P18", "could not determine data type of parameter $2", [], [1]],
    ["it in another language", "42P18", "konnte Datentyp von Parameter $3 nicht ermitteln", [0], [0, 2]],
    ["all where the server cannot choose", "42725", "operator is not unique", [1], [0, 1, 2]],
    ["nothing that is declared already", "42P18", "could not determine data type of parameter $1", [0], undefined],
    ["nothing beyond the parameters", "42P18", "could not determine data type of parameter $9", [], undefined],
    ["nothing for another error", "42703", 'column "$1" does not exist', [], undefined],
  ])("adds %s", (...[, code, message, known, expected]) => {
    expect(moreUndetermined({ code, message }, known, 3)).toEqual(expected);
  });
});
