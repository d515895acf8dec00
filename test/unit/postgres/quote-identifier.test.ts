import { describe, expect, it } from "vitest";

import { quoteIdentifier } from "../../../src/postgres/quote-identifier.ts";

describe("quoteIdentifier", () => {
  it.each([
    ["users", '"users"'],
    ["Mixed Case", '"Mixed Case"'],
    ['a"b', '"a""b"'],
    ['"; drop table x; --', '"""; drop table x; --"'],
    ["back\\slash 'quote'", "\"back\\slash 'quote'\""],
    ["naïve 😀", '"naïve 😀"'],
  ])("quotes %s", (name, quoted) => {
    expect(quoteIdentifier(name)).toBe(quoted);
  });

  it.each(["", "a\0b"])("refuses %j, which cannot be a name in PostgreSQL", (name) => {
    expect(() => quoteIdentifier(name)).toThrow("identifier");
  });
});
