import { encodeBoolean, encodeFloat, encodeVerbatim, type Encode } from "./scalar-encoders.ts";

/** Encoders, by OID, of the types that Neon's SQL over HTTP does not write as a string with PostgreSQL's text. */
export const NEON_SCALAR_ENCODERS: ReadonlyMap<number, Encode> = new Map([
  [16, encodeBoolean], // bool
  [21, encodeVerbatim], // int2
  [23, encodeVerbatim], // int4
  [114, encodeVerbatim], // json
  [700, encodeFloat], // float4
  [701, encodeFloat], // float8
  [3802, encodeVerbatim], // jsonb
]);
