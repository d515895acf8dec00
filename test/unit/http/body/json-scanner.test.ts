import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ESCAPES, JsonScanner } from "../../../../src/http/body/json-scanner.ts";
import type { JsonKind, JsonListener } from "../../../../src/http/body/json-listener.ts";

/** Builds the value from the scanner's reports, so that it can be compared with the result of JSON.parse. */
class Rebuilt implements JsonListener {
  readonly #bytes: Buffer;
  readonly #isWanted: (kind: string) => boolean;
  readonly #open: { readonly kind: string; readonly container: object; key: string }[] = [];
  value_: unknown;

  constructor(bytes: Buffer, isWanted: (kind: string) => boolean) {
    this.#bytes = bytes;
    this.#isWanted = isWanted;
  }

  key(start: number, end: number): void {
    const top = this.#open.at(-1);
    if (top !== undefined) top.key = JSON.parse(this.#bytes.toString("utf8", start, end)) as string;
  }

  value(kind: JsonKind, start: number, end: number): void {
    const source = this.#bytes.toString("utf8", start, end);
    const value: unknown = JSON.parse(source);
    const kinds: readonly string[] = typeof value === "number" ? ["integer", "number"] : [kindOf(value)];
    expect(kinds).toContain(kind);
    if (typeof value === "number") expect(kind === "integer").toBe(/^-?\d+$/.test(source));
    this.#add(value);
  }

  open(kind: "object" | "array"): boolean {
    if (!this.#isWanted(kind)) return false;
    this.#open.push({ kind, container: kind === "array" ? [] : {}, key: "" });
    return true;
  }

  close(): void {
    this.#add(this.#open.pop()?.container);
  }

  #add(value: unknown): void {
    const top = this.#open.at(-1);
    if (top === undefined) this.value_ = value;
    else if (Array.isArray(top.container)) top.container.push(value);
    else Object.defineProperty(top.container, top.key, { value, enumerable: true, writable: true, configurable: true });
  }
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/** Scans a text in slices of `sliceBytes` and returns the value that it holds. */
function scan(text: string, sliceBytes = Infinity, isWanted: (kind: string) => boolean = () => true): unknown {
  const bytes = Buffer.from(text);
  const rebuilt = new Rebuilt(bytes, isWanted);
  const scanner = new JsonScanner(bytes, 0, rebuilt);
  while (!scanner.scan(sliceBytes)) continue;
  if (scanner.isBlank) throw new Error("blank");
  return rebuilt.value_;
}

function outcome(parse: () => unknown): unknown {
  try {
    return { value: parse() };
  } catch {
    return "no JSON";
  }
}

/** Texts that are almost JSON: JSON texts from which pieces were cut out, or into which pieces were inserted. */
const almostJson = fc
  .tuple(
    fc.oneof(
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify(value, undefined, 1)),
    ),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.nat(3),
        fc.oneof(
          fc.constantFrom(
            ...Array.from("{}[],:\"\\ \n\t\u0000\u001f\u007f0-+.eE1/'"),
            "true",
            "nul",
            "\\u",
            "\\ud83d",
            "\\ude00",
            "1e",
            "\u2028",
            "é",
          ),
          fc.string({ maxLength: 2 }),
        ),
      ),
      { maxLength: 3 },
    ),
  )
  .map(([text, edits]) =>
    edits.reduce((result, [place, length, piece]) => {
      const at = place % (result.length + 1);
      return (result.slice(0, at) + piece + result.slice(at + length)).toWellFormed();
    }, text),
  );

describe("JsonScanner", () => {
  it("reports the value that JSON.parse makes, and refuses what JSON.parse refuses", () => {
    fc.assert(
      fc.property(almostJson, fc.constantFrom(1, 2, 3, 7, 64, Infinity), (text, sliceBytes) => {
        expect(outcome(() => scan(text, sliceBytes))).toEqual(outcome(() => JSON.parse(text) as unknown));
      }),
      { numRuns: 5_000 },
    );
  });

  it("checks skipped contents as strictly as reported ones", () => {
    fc.assert(
      fc.property(almostJson, fc.constantFrom(1, 5, Infinity), fc.boolean(), (text, sliceBytes, isObjectWanted) => {
        const wanted = (kind: string): boolean => (kind === "object") === isObjectWanted;
        expect(outcome(() => scan(text, sliceBytes, wanted))).toEqual(outcome(() => JSON.parse(text) as unknown));
      }),
      { numRuns: 3_000 },
    );
  });

  it("agrees with JSON.parse on every number", () => {
    const numberLike = fc.array(fc.constantFrom(...Array.from("0123456789+-.eE"), "00", "1e400"), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(numberLike, fc.constantFrom("", "[1,", '{"a":'), (pieces, before) => {
        const text = before + pieces.join("") + { "": "", "[1,": "]", '{"a":': "}" }[before];
        expect(outcome(() => scan(text, 1))).toEqual(outcome(() => JSON.parse(text) as unknown));
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    '{"sql":1,"sql":2}',
    '{"s\\u0071l":1}',
    '{"__proto__":{"a":1},"constructor":2}',
    "[1e400,-0,0.0,12345678901234567890]",
    '"\\u2028\u2028\\/\\b\\f\\n\\r\\t\\"\\\\"',
    " [ ] ",
    "[[],{},[[]],[{}]]",
    '{"":{"":{"":[]}}}',
    `${"[".repeat(100)}1${"]".repeat(100)}`,
    `${'{"a":['.repeat(61)}true${"]}".repeat(61)}`,
  ])("reads %s", (text) => {
    for (const sliceBytes of [1, 2, Infinity]) expect(scan(text, sliceBytes)).toEqual(JSON.parse(text));
  });

  it.each([
    ["", "blank"],
    [" \t\r\n", "blank"],
    ["{", "it ends too early"],
    ['{"a"', "it ends too early"],
    ['{"a":1', "it ends too early"],
    ['"abc', "it ends too early"],
    ['"\\', "it ends too early"],
    ['"\\u12', "it ends too early"],
    ["-", "it ends too early"],
    ["1.", "it ends too early"],
    ["tru", "it ends too early"],
    ["{a:1}", "unexpected character at byte 2"],
    ["[1,]", "unexpected character at byte 4"],
    ['{"a":1,}', "unexpected character at byte 8"],
    ["[1}", "unexpected character at byte 3"],
    ['{"a":1]', "unexpected character at byte 7"],
    ["[01]", "unexpected character at byte 3"],
    ["[+1]", "unexpected character at byte 2"],
    ["[.5]", "unexpected character at byte 2"],
    ["[NaN]", "unexpected character at byte 2"],
    ["[nulL]", "unexpected character at byte 5"],
    ['"a\nb"', "unexpected character at byte 3"],
    ['"\\x41"', "unexpected character at byte 3"],
    ['"\\u12g4"', "unexpected character at byte 6"],
    ["1 2", "unexpected character at byte 3"],
    ["{}{}", "unexpected character at byte 3"],
    ["\u00a0[]", "unexpected character at byte 1"],
    ["['a']", "unexpected character at byte 2"],
    ["[1/* no comments */]", "unexpected character at byte 3"],
  ])("refuses %j and names the place of the fault", (text, message) => {
    for (const sliceBytes of [1, Infinity]) expect(() => scan(text, sliceBytes)).toThrow(message);
  });

  it("reads arrays that are nested a million levels deep", () => {
    const depth = 1_000_000;
    const text = "[".repeat(depth) + "]".repeat(depth);
    const places: [number, number][] = [];
    const listener = {
      key: () => undefined,
      value: (_kind: JsonKind, start: number, end: number) => void places.push([start, end]),
      open: () => false,
      close: () => undefined,
    };
    expect(new JsonScanner(Buffer.from(text), 0, listener).scan(Infinity)).toBe(true);
    expect(places).toEqual([[0, 2 * depth]]);
    expect(() => new JsonScanner(Buffer.from(text.slice(1)), 0, listener).scan(Infinity)).toThrow("unexpected");
  });

  it.each([
    ['"plain"', 0],
    ['"\\n"', ESCAPES.any],
    ['"\\u00e4"', ESCAPES.any],
    ['"\\u0000"', ESCAPES.any | ESCAPES.nul],
    ['"\\\\u0000"', ESCAPES.any],
    ['"\\ud83d\\ude00"', ESCAPES.any],
    ['"\\uD83D\\uDE00"', ESCAPES.any],
    ['"\\ud83d"', ESCAPES.any | ESCAPES.halfPair],
    ['"\\ude00\\ud83d"', ESCAPES.any | ESCAPES.halfPair],
    ['"\\ud83d\\ud83d\\ude00"', ESCAPES.any | ESCAPES.halfPair],
    ['"\\ud83d\\n"', ESCAPES.any | ESCAPES.halfPair],
    ['"\\ud83d\\\\ude00"', ESCAPES.any | ESCAPES.halfPair],
    ['{"\\u0000":"\\ud83d"}', ESCAPES.any | ESCAPES.nul | ESCAPES.halfPair],
  ])("reports which kinds of escapes %s has", (text, expected) => {
    for (const sliceBytes of [1, Infinity]) {
      let escapes = 0;
      const listener = {
        key: () => undefined,
        value: () => void (escapes = scanner.escapes),
        open: () => false,
        close: () => undefined,
      };
      const scanner = new JsonScanner(Buffer.from(text), 0, listener);
      while (!scanner.scan(sliceBytes)) continue;
      expect(escapes).toBe(expected);
    }
  });
});
