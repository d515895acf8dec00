import { describe, expect, it } from "vitest";
import { unqualifyPublic } from "../../../src/drizzle/unqualify-public.ts";

describe("unqualifyPublic", () => {
  it.each([
    ['REFERENCES "public"."users"("id")', 'REFERENCES "users"("id")'],
    ['CREATE TYPE "public"."role" AS ENUM (\'a\')', "CREATE TYPE \"role\" AS ENUM ('a')"],
    ['"public" . "users"', '"users"'],
    ["select 1", "select 1"],
  ])("removes the prefix from %s", (sql, expected) => {
    expect(unqualifyPublic(sql)).toBe(expected);
  });

  it.each([
    `'"public"."users"'`,
    `'it''s "public"."users"'`,
    `E'\\'"public"."users"'`,
    `$$"public"."users"$$`,
    `$a$ $$"public"."users"$$ $a$`,
    `-- "public"."users"`,
    `/* "public"."users" */`,
    `"a""public"."users"`,
    `"other"."users"`,
    `"public"`,
    `public.users`,
    `'unterminated "public`,
  ])("leaves %s unchanged", (sql) => {
    expect(unqualifyPublic(sql)).toBe(sql);
  });
});
