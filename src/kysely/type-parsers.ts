// What values become where JSON's own would surprise users of Kysely's PostgreSQL dialect, whose driver is pg. Types that are not
// here stay as the gateway sends them.

/** Gets what the gateway sent, which is never null. */
export type ParseValue = (value: unknown) => unknown;

export const TYPE_PARSERS: Readonly<Record<string, ParseValue>> = {
  // On the wire a number or a string, as its size has it: a program must not depend on that.
  int8: String,
  float4: Number,
  float8: Number,
  timestamptz: toDate,
  timestamp: toDate,
  bytea: toBytes,
};

const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)(?:\+00:00)?$/;

/** UTC, as the client sends a Date. What no Date can hold (`infinity`, years BC or after 9999) stays text. */
function toDate(value: unknown): unknown {
  const [, day, time] = TIMESTAMP.exec(String(value)) ?? [];
  return day === undefined ? value : new Date(`${day}T${String(time)}Z`);
}

/** A Buffer where there is one, for pg gives that; else its superclass. */
function toBytes(value: unknown): Uint8Array {
  const hex = String(value).slice(2); // After `\x`.
  if (typeof Buffer !== "undefined") return Buffer.from(hex, "hex");
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}
