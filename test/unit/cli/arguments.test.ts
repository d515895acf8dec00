import { describe, expect, it } from "vitest";
import {
  parseDatabaseId,
  parseDedicatedUrl,
  parseLifetime,
  parseMaxRows,
  parseName,
  parsePermissionList,
} from "../../../src/cli/arguments.ts";
import { UsageError } from "../../../src/cli/failure.ts";

describe("the arguments of commands", () => {
  it.each([
    { list: "SELECT", gives: ["SELECT"] },
    { list: " select , INSERT ", gives: ["SELECT", "INSERT"] },
    { list: "DROP,SELECT,DROP", gives: ["SELECT", "DROP"] },
  ])("reads the permissions $list", ({ list, gives }) => {
    expect(parsePermissionList(list)).toEqual(gives);
  });

  it.each([
    { what: "an unknown permission", parse: () => parsePermissionList("SELECT,GRANT"), says: '"GRANT"' },
    { what: "no permission", parse: () => parsePermissionList(""), says: "comma-separated list of SELECT" },
    { what: "an empty name", parse: () => parseName(" "), says: "NAME must not be empty" },
    { what: "a long name", parse: () => parseName("é".repeat(101)), says: "at most 100 characters; it has 101" },
    { what: "a bad id", parse: () => parseDatabaseId("42"), says: "DATABASE_ID must be a UUID" },
    { what: "a negative limit", parse: () => parseMaxRows("-1"), says: "a whole number from 0 to 2147483647" },
    { what: "a limit beyond integer", parse: () => parseMaxRows("2147483648"), says: "a whole number" },
    { what: "words for a limit", parse: () => parseMaxRows("many"), says: "a whole number" },
    { what: "a bad URL", parse: () => parseDedicatedUrl("postgres://a:hunter2@b:x"), says: "the port must be" },
  ])("refuses $what", ({ parse, says }) => {
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(says);
    expect(parse).not.toThrow("hunter2");
  });

  it.each([0, 1_000, 2_147_483_647])("takes %i for a limit", (limit) => {
    expect(parseMaxRows(String(limit))).toBe(limit);
  });

  it.each([
    ["30d", "30 days"],
    ["012h", "12 hours"],
    ["90s", "90 seconds"],
  ])("takes %s for a token's life", (given, interval) => {
    expect(parseLifetime(given)).toBe(interval);
  });

  it.each(["0d", "-1d", "30", "d", "1 d", "30 days", "1.5h", "1000000d"])("refuses %s for a token's life", (given) => {
    expect(() => parseLifetime(given)).toThrow("--expires-in must be");
  });

  it("counts characters of a name, not code units", () => {
    expect(parseName("😀".repeat(100))).toHaveLength(200);
  });
});
