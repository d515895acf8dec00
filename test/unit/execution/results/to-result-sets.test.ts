import { describe, expect, it } from "vitest";
import type { Field } from "../../../../src/wire/field.ts";
import { requireKnownArrays } from "../../../../src/execution/results/to-result-sets.ts";
import { dataRow, type TextRow } from "../../../support/data-row.ts";

const NEW_TYPE = 20_000;

interface Shape {
  readonly typeSize?: number;
  readonly makesTypes?: boolean;
}

/** One result, of a type that the catalog does not show. */
function requireKnown(columns: number, rows: readonly TextRow[], { typeSize = -1, makesTypes = true }: Shape = {}) {
  const fields = Array.from({ length: columns }, (_, index): Field => {
    return { name: `c${index}`, typeOid: NEW_TYPE, typeSize, typeModifier: -1, tableOid: 0, columnNumber: 0 };
  });
  const result = { fields, returnsRows: true, rows: rows.map(dataRow), commandTag: `SELECT ${rows.length}` };
  return () => requireKnownArrays([result], new Map(), makesTypes);
}

describe("values of a type that the same batch makes", () => {
  it.each([
    ["in the last of several columns", ["(1)", "{1,2}"]],
    ["with bounds", ["[0:1]={1,2}", null]],
  ])("are refused where they are arrays: %s", (_, values) => {
    expect(requireKnown(2, [["(1)", null], values])).toThrow("An array of a type");
  });

  it.each([
    ["row types", -1, ["(1)", null]],
    ["texts that are empty", -1, ["", ""]],
    ["of a fixed size, as enums are", 4, ["{", "["]],
  ])("are passed on where they are none: %s", (_, typeSize, values) => {
    expect(requireKnown(2, [values], { typeSize })).not.toThrow();
  });

  it("are looked through once, however many columns there are", { timeout: 10_000 }, () => {
    const row = Array.from({ length: 1_664 }, () => null);
    const rows = Array.from({ length: 1_000 }, () => row);
    expect(requireKnown(row.length, rows)).not.toThrow();
  });
});

it("arrays of a type that was dropped while it was read are to be read again", () => {
  expect(requireKnown(2, [["(1)", "{1,2}"]], { makesTypes: false })).toThrow(
    expect.objectContaining({ code: "UNAVAILABLE" }),
  );
  expect(requireKnown(2, [["(1)", null]], { makesTypes: false })).not.toThrow();
});
