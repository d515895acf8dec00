const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,9}))?$/;

/** The largest int8 has 19 digits. PostgreSQL says of one more that it is out of range. */
const MAX_DIGITS = 20;

/**
 * The digits of a JSON number whose value is whole, such as `5.0`, `5.00` or `1e3`: PostgreSQL's integer types take no other
 * form. Undefined for `5.5`, and for what has more digits than any integer.
 */
export function wholeNumber(text: string): string | undefined {
  const [, sign, whole = "", fraction = "", exponent = "0"] = NUMBER.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const digits = whole + fraction;
  if (!/[^0]/.test(digits)) return "0";
  const point = whole.length + Number(exponent);
  if (/[^0]/.test(digits.slice(Math.max(point, 0)))) return undefined;
  const significant = digits.slice(0, point).replace(/^0+/, "");
  const zeros = Math.max(point - digits.length, 0);
  return significant.length + zeros > MAX_DIGITS ? undefined : sign + significant + "0".repeat(zeros);
}
