// Writes a parameter as JSON text. JSON.stringify alone would throw on a bigint, and would silently turn NaN, an invalid date or
// an undefined element into null.

/** @throws TypeError when JSON cannot hold a value. The message names the place of that value. */
export function toJson(value: unknown, path: string): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number" && !Number.isFinite(value)) return `"${value}"`;
  if (typeof value === "object" && value !== null) return objectToJson(value, path);
  const json = JSON.stringify(value) as string | undefined;
  if (json !== undefined) return json;
  throw new TypeError(`${path} is of type ${typeof value}, which cannot be sent; use null for NULL`);
}

function objectToJson(value: object, path: string): string {
  // Unlike instanceof, the tag also works for values from another realm, such as a frame or a test environment.
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (Array.isArray(value)) {
    return `[${Array.from(value, (element, index) => toJson(element, `${path}[${index}]`)).join()}]`;
  }
  if (tag === "Uint8Array") return `"\\\\x${hexOf(value as Uint8Array)}"`;
  if (tag === "Date" && Number.isNaN(Number(value))) throw new TypeError(`${path} is an invalid Date`);
  if (hasToJson(value)) return toJson(value.toJSON(), path);
  // JSON.stringify would write a Map as {} and a Float32Array as an object with numbered keys.
  if (tag !== "Object") throw new TypeError(`${path} is of type ${tag}, which cannot be sent`);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${toJson(member, `${path}.${key}`)}`).join()}}`;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function hasToJson(value: object): value is { toJSON: () => unknown } {
  return "toJSON" in value && typeof value.toJSON === "function";
}
