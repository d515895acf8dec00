// Converts values whose JSON form would surprise users of Kysely's PostgreSQL dialect, whose driver is pg. Values of other types stay
// as the gateway sends them.

/** Converts a value as the gateway sent it. The value is never null. */
export type ParseValue = (value: unknown) => unknown;

export const TYPE_PARSERS: Readonly<Record<string, ParseValue>> = {
  // The gateway sends a number or a string, depending on its size. A program must not depend on that.
  int8: String,
  float4: Number,
  float8: Number,
  timestamptz: toDate,
  timestamp: toDate,
  bytea: toBytes,
};

const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)(?:\+00:00)?$/;

/** Reads the time as UTC, as the client sends a Date. A value that no Date can hold (`infinity`, years BC or after 9999) stays text. */
function toDate(value: unknown): unknown {
  const [, day, time] = TIMESTAMP.exec(String(value)) ?? [];
  return day === undefined ? value : new Date(`${day}T${String(time)}Z`);
}

/** Returns a Buffer where the platform has one, as pg does, and otherwise a Uint8Array. */
function toBytes(value: unknown): Uint8Array {
  const hex = String(value).slice(2); // The value begins with `\x`.
  if (typeof Buffer !== "undefined") return Buffer.from(hex, "hex");
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}
