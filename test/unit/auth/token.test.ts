import { describe, expect, it } from "vitest";
import { generateToken, hashToken, parseToken, tokenPrefix, type Token } from "../../../src/auth/token.ts";

const TEXT = `pg_${"0123456789abcdef".repeat(4)}`;

describe("parseToken", () => {
  it("gives the token back when it is pg_ and 64 lower-case hex digits", () => {
    expect(parseToken(TEXT)).toBe(TEXT);
  });

  it.each([
    "",
    "pg_",
    TEXT.slice(0, -1),
    `${TEXT}0`,
    `${TEXT}\n`,
    ` ${TEXT}`,
    TEXT.toUpperCase(),
    `pg_${"A".repeat(64)}`,
    `pg_${"g".repeat(64)}`,
    `pk_${"a".repeat(64)}`,
    `Bearer ${TEXT}`,
  ])("gives nothing for %j", (text) => {
    expect(parseToken(text)).toBeUndefined();
  });
});

describe("generateToken", () => {
  it("makes well-formed tokens that differ", () => {
    const tokens = Array.from({ length: 100 }, generateToken);
    expect(new Set(tokens).size).toBe(100);
    for (const token of tokens) expect(parseToken(token)).toBe(token);
  });
});

describe("hashToken and tokenPrefix", () => {
  it("hash the whole token and show its first 8 characters", () => {
    const token = TEXT as Token;
    // printf %s pg_0123…cdef | sha256sum
    expect(hashToken(token)).toBe("ce9869f203dffff15cbedfc0427b051e38748833efc208e322cfb8a3b39f5abf");
    expect(tokenPrefix(token)).toBe("pg_01234");
  });
});
