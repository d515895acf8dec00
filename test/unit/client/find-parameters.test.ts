import fc from "fast-check";
import { loadModule, scanSync } from "libpg-query";
import { beforeAll, describe, expect, it } from "vitest";
import { findParameters } from "../../../src/client/find-parameters.ts";

const namesIn = (text: string): string[] => findParameters(text).map(({ name }) => name);

describe("findParameters", () => {
  it.each([
    ["$id", ["id"]],
    ["select $a,$b+$a", ["a", "b", "a"]],
    ["($é_1)::int", ["é_1"]],
    ["$1", ["1"]],
    ["a.b=$x", ["x"]],
    ["'it''s $a' || $b", ["b"]],
    [String.raw`'back\' || $b`, ["b"]],
    [String.raw`e'back\'$a' || $b`, ["b"]],
    [String.raw`E'\\' || $b`, ["b"]],
    [String.raw`nameE'\' || $b`, ["b"]],
    [String.raw`U&'\' || $b`, ["b"]],
    [`"a""$a" = $b`, ["b"]],
    ["-- $a\n$b", ["b"]],
    ["-- $a\r$b", ["b"]],
    ["1 - -$b", ["b"]],
    ["/* $a /* $a */ $a */ $b", ["b"]],
    ["/*/**/*/$b", ["b"]],
    ["$$ $a $$ || $b", ["b"]],
    ["$t$ $a $$ $u$ $t$ || $b", ["b"]],
    ["$id$ $id$", []],
    ["a$b", []],
    ["é$b", []],
    ["a$b$c$ $d", ["d"]],
    ["'$a", []],
    ["/* $a", []],
    ["$$ $a", []],
    ["$ a", []],
  ])("finds in %j the parameters %j", (text, names) => {
    expect(namesIn(text)).toEqual(names);
  });

  it("returns where each parameter starts and ends", () => {
    expect(findParameters("a $id b")).toEqual([{ name: "id", start: 2, end: 5 }]);
  });
});

describe("findParameters compared with PostgreSQL's own scanner", () => {
  beforeAll(() => loadModule());

  const PIECES = [
    ..."$1 $2 ' '' \" \"\" -- /* */ $$ $a$ a$1 E' e' U&' U&\" B' N' \\ \\' \n \r ; :: -> @> . , ( ) 1 1.5 é _ select".split(
      " ",
    ),
    " ",
  ];

  it("finds the same parameters in every text that PostgreSQL can scan", () => {
    let read = 0;
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }), (pieces) => {
        const text = pieces.join("");
        const known = tokensOf(text)?.filter(({ tokenName }) => tokenName === "PARAM");
        if (known === undefined) return;
        read += 1;
        expect(findParameters(text).filter(({ name }) => /^\d+$/.test(name))).toEqual(
          known.map(({ start, end, text: parameter }) => ({
            name: parameter.slice(1),
            ...inCharacters(text, start, end),
          })),
        );
      }),
      { numRuns: 5_000 },
    );
    expect(read).toBeGreaterThan(500);
  });
});

function tokensOf(text: string) {
  try {
    return scanSync(text).tokens;
  } catch {
    return undefined; // The text has a string or comment without an end, or a number that runs into a word.
  }
}

/** Converts byte offsets to characters, because the scanner counts bytes. */
function inCharacters(text: string, start: number, end: number): { start: number; end: number } {
  const bytes = Buffer.from(text);
  const charactersTo = (place: number): number => bytes.subarray(0, place).toString().length;
  return { start: charactersTo(start), end: charactersTo(end) };
}
