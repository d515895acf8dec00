import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MessageWriter } from "../../../src/wire/message-writer.ts";

type Value = string | Buffer | null;

/** What PostgreSQL's protocol asks for, written the plain way. */
function message(code: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(code), int32(body.length + 4), body]);
}

function cstring(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function bind(name: string, values: readonly Value[]): Buffer {
  const written = values.map((value) => {
    if (value === null) return int32(-1);
    const bytes = Buffer.from(value as string);
    return Buffer.concat([int32(bytes.length), bytes]);
  });
  return message("B", cstring(""), cstring(name), int16(0), int16(values.length), ...written, int16(0));
}

describe("MessageWriter", () => {
  const lengths = fc.oneof(fc.nat(300), fc.constantFrom(1_000, 16_384, 16_385, 100_000, 262_144, 300_000));
  const texts = fc.tuple(fc.constantFrom("a", "ä", "€", "😀"), lengths).map(([unit, length]) => unit.repeat(length));
  const values: fc.Arbitrary<Value> = fc.oneof(
    fc.constant(null),
    texts,
    texts.map((text) => Buffer.from(text)),
  );

  it("writes what PostgreSQL's protocol asks for, whatever the sizes", () => {
    fc.assert(
      fc.property(
        texts,
        fc.array(values, { maxLength: 6 }),
        fc.array(values, { maxLength: 6 }),
        (sql, first, second) => {
          const written = new MessageWriter()
            .parse("name", sql, [25, 0])
            .bind("name", first)
            .describePortal()
            .execute(7)
            .bind("", second)
            .execute(0)
            .sync()
            .take();
          const expected = [
            message("P", cstring("name"), cstring(sql), int16(2), int32(25), int32(0)),
            bind("name", first),
            message("D", cstring("P")),
            message("E", cstring(""), int32(7)),
            bind("", second),
            message("E", cstring(""), int32(0)),
            message("S"),
          ];
          expect(Buffer.concat(written).equals(Buffer.concat(expected))).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("gives a small request as one buffer, and copies no long value", () => {
    expect(new MessageWriter().bind("", ["1"]).execute(0).sync().take()).toHaveLength(1);
    const long = Buffer.alloc(100_000);
    expect(new MessageWriter().bind("", ["1", long, null]).sync().take()).toContain(long);
  });
});
