import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wholeNumber } from "../../../../src/execution/parameters/whole-number.ts";

describe("wholeNumber", () => {
  it.each([
    ["5.0", "5"],
    ["5.00", "5"],
    ["-5.0", "-5"],
    ["1e3", "1000"],
    ["1E+2", "100"],
    ["1.5e1", "15"],
    ["0.05e2", "5"],
    ["500e-2", "5"],
    ["-0.0", "0"],
    ["0e400", "0"],
    ["0.000e-9", "0"],
    ["9.223372036854775807e18", "9223372036854775807"],
    ["1e19", "10000000000000000000"],
    ["12345678901234567890.000", "12345678901234567890"],
  ])("writes %s as %s", (text, expected) => {
    expect(wholeNumber(text)).toBe(expected);
  });

  it.each([
    "5.5",
    "0.1",
    "1e-1",
    "15e-1",
    "1.05e1",
    "1e20",
    "1e400",
    "-1e400",
    "1e999999999",
    "1e9999999999",
    "5e-400",
  ])("leaves %s alone", (text) => {
    expect(wholeNumber(text)).toBeUndefined();
  });

  it("never changes the value", () => {
    const digits = fc.stringMatching(/^-?(0|[1-9]\d{0,9})(\.\d{1,6})?([eE][+-]?\d)?$/);
    fc.assert(
      fc.property(digits, (text) => {
        const whole = wholeNumber(text);
        if (whole === undefined) expect(Number.isInteger(Number(text)) && Math.abs(Number(text)) < 1e15).toBe(false);
        else expect(Number(whole)).toBe(Number(text) + 0);
      }),
      { numRuns: 2_000 },
    );
  });
});
