import { describe, expect, it } from "vitest";
import { requireModestJson } from "../../../../src/http/body/require-modest-json.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);
const filler = " ".repeat(70_000);

describe("requireModestJson", () => {
  it.each([
    ["nesting beyond 1,000 levels", "[".repeat(1_001), /nested deeper than 1000/],
    ["nesting of objects", '{"a":'.repeat(1_001), /nested deeper than 1000/],
    ["more than 500,000 containers", "[],".repeat(500_001), /more than 500000 arrays and objects/],
    [
      "more than 100,000 keys in an object",
      `{${Array.from({ length: 100_001 }, (_, n) => `"k${n}":1`).join(",")}}`,
      /more than 100000 keys/,
    ],
  ])("refuses %s", (_what, text, message) => {
    expect(() => requireModestJson(bytes(filler + text))).toThrow(message);
  });

  it.each([
    ["a million numbers", `[${"1,".repeat(1_000_000)}1]`],
    ["100,000 records of five keys", `[${'{"a":1,"b":2,"c":3,"d":4,"e":"x"},'.repeat(100_000)}{}]`],
    ["1,000 levels", "[".repeat(1_000) + "]".repeat(1_000)],
    ["brackets within strings", `["${"[{".repeat(600_000)}", "\\"[[[\\\\"]`],
    ["a small body, whatever it holds", "[".repeat(2_000)],
  ])("lets %s through", (what, text) => {
    expect(() => requireModestJson(bytes(what.startsWith("a small") ? text : filler + text))).not.toThrow();
  });

  it("takes what is no JSON without failing", () => {
    expect(() => requireModestJson(bytes(`${filler}]]}}"unfinished`))).not.toThrow();
  });
});
