import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonWriter } from "../../../src/encoding/json-writer.ts";

function stringOf(text: string | Buffer, maxBytes = Number.POSITIVE_INFINITY): string {
  const bytes = Buffer.from(text);
  const json = new JsonWriter(maxBytes);
  json.string(bytes, 0, bytes.length);
  return json.take().toString();
}

describe("JsonWriter", () => {
  it("writes every string as JSON.stringify does", () => {
    const anyText = fc.string({ unit: "binary", maxLength: 300 });
    fc.assert(
      fc.property(anyText, (text) => {
        const sent = Buffer.from(text).toString(); // A lone surrogate never reaches PostgreSQL.
        expect(stringOf(sent)).toBe(JSON.stringify(sent));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)))(
    "escapes %j as JSON.stringify does",
    (c) => {
      expect(stringOf(`a${c}b`)).toBe(JSON.stringify(`a${c}b`));
    },
  );

  it("finds what must be escaped at every place of a long text, wherever that lies in memory", () => {
    for (const special of ["\0", "\n", "\x1f", " ", "!", '"', "#", "[", "\\", "]", "\x7f", "é"])
      for (let place = 0; place < 40; place++) {
        const text = `${"x".repeat(place)}${special}${"ü".repeat(20)}`;
        const bytes = Buffer.from(`"${"\\".repeat(place % 4)}${text}"`);
        const json = new JsonWriter(1_000);
        json.string(bytes, 1 + (place % 4), bytes.length - 1);
        expect(json.take().toString()).toBe(JSON.stringify(text));
      }
  });

  it("writes bytes that are no UTF-8, as a database in SQL_ASCII holds them, as replacement characters", () => {
    expect(stringOf(Buffer.from([0x61, 0xff, 0x62]))).toBe('"a\ufffdb"');
  });

  it("says that a text of one byte too many is too large, and not before", () => {
    expect(stringOf("x".repeat(5_000), 5_002)).toHaveLength(5_002);
    expect(() => stringOf("x".repeat(5_000), 5_001)).toThrow("Result too large");
    expect(() => stringOf(Buffer.alloc(1_000, 0xff), 3_001)).toThrow("Result too large");
  });

  it("gives up a text that grows far beyond the limit", () => {
    const bytes = Buffer.alloc(10_000_000, 1);
    const json = new JsonWriter(10_000);

    expect(() => json.string(bytes, 0, bytes.length)).toThrow("Result too large");
  });
});
