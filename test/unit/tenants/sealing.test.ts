import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isSealed, openSealed, parseSealingKey, seal, type SealingKeys } from "../../../src/tenants/sealing.ts";

const URL = "postgres://app:hünter2@db/shop";
const ID = "0f0e0d0c-0000-4000-8000-000000000001";

function newKey(): NonNullable<SealingKeys["current"]> {
  const key = parseSealingKey(randomBytes(32).toString("base64"));
  if (key === undefined) throw new Error("32 random bytes are a key");
  return key;
}

describe("parseSealingKey", () => {
  const bytes = Buffer.from([...Array(31).keys(), 0xff]);

  it.each([
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    bytes.toString("base64"),
    bytes.toString("base64url"),
    ` ${bytes.toString("base64")}\n`,
  ])("reads the key %j", (text) => {
    expect(parseSealingKey(text)?.export()).toEqual(bytes);
  });

  it.each(["", "hunter2", "0".repeat(63), "0".repeat(65), `${"A".repeat(42)}!=`, "A".repeat(42), "A".repeat(44)])(
    "refuses %j as a key",
    (text) => {
      expect(parseSealingKey(text)).toBeUndefined();
    },
  );
});

describe("a sealed connection string", () => {
  const current = newKey();
  const sealed = seal(URL, ID, current);

  it("opens with its key in its row, and reports which key opened it", () => {
    expect(isSealed(sealed)).toBe(true);
    expect(openSealed(sealed, ID, { current, old: undefined })).toEqual({ connectionString: URL, key: "current" });
    expect(openSealed(sealed, ID.toUpperCase(), { current: newKey(), old: current })).toEqual({
      connectionString: URL,
      key: "old",
    });
  });

  it("is a different text each time, and shows no part of the connection string", () => {
    expect(seal(URL, ID, current)).not.toBe(sealed);
    expect(Buffer.from(sealed, "base64url").toString("latin1")).not.toMatch(/hunter2|postgres/);
  });

  const bytes = Buffer.from(sealed.slice("sealed:v1:".length), "base64url");
  const changed = Buffer.from(bytes);
  changed[20] = (changed[20] ?? 0) ^ 1;
  it.each([
    ["in another row", sealed, "0f0e0d0c-0000-4000-8000-000000000002", current],
    ["with another key", sealed, ID, newKey()],
    ["with no key", sealed, ID, undefined],
    ["when a byte was changed", `sealed:v1:${changed.toString("base64url")}`, ID, current],
    ["when its end is missing", `sealed:v1:${bytes.subarray(0, -1).toString("base64url")}`, ID, current],
    ["when nothing is left of it", "sealed:v1:", ID, current],
  ])("does not open %s", (_, text, id, key) => {
    expect(openSealed(text, id, { current: key, old: undefined })).toBeUndefined();
  });
});
