import { describe, expect, it } from "vitest";
import { RowDescriptions } from "../../../src/wire/row-descriptions.ts";

/** The body of a RowDescription of columns of type text. */
function describeColumns(...names: string[]): Buffer {
  const parts = names.flatMap((name) => {
    const numbers = Buffer.alloc(18);
    numbers.writeUInt32BE(25, 6);
    numbers.writeInt16BE(-1, 10);
    numbers.writeInt32BE(-1, 12);
    return [Buffer.from(`${name}\0`), numbers];
  });
  const count = Buffer.alloc(2);
  count.writeUInt16BE(names.length);
  return Buffer.concat([count, ...parts]);
}

const namesOf = (fields: readonly { readonly name: string }[]): readonly string[] => fields.map(({ name }) => name);

describe("RowDescriptions", () => {
  it("gives the same fields for the same bytes, and others for others", () => {
    const descriptions = new RowDescriptions();
    const first = descriptions.read(describeColumns("id", "Größe"));
    expect(namesOf(first)).toEqual(["id", "Größe"]);
    expect(descriptions.read(describeColumns("id", "Größe"))).toBe(first);
    expect(namesOf(descriptions.read(describeColumns("id", "GrößE")))).toEqual(["id", "GrößE"]);
  });

  it("reads each anew that is long, and forgets when there are many", () => {
    const descriptions = new RowDescriptions();
    const long = describeColumns(...Array.from({ length: 100 }, (_, n) => `c${n}`));
    expect(descriptions.read(long)).not.toBe(descriptions.read(long));
    expect(descriptions.read(long)).toHaveLength(100);
    const first = descriptions.read(describeColumns("a"));
    for (let n = 0; n < 20_000; n++) descriptions.read(describeColumns(`${"x".repeat(60)}${n}`));
    expect(descriptions.read(describeColumns("a"))).not.toBe(first);
    expect(namesOf(descriptions.read(describeColumns("a")))).toEqual(["a"]);
  });
});
