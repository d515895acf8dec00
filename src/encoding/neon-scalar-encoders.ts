import { encodeBoolean, encodeFloat, encodeVerbatim, type Encode } from "./scalar-encoders.ts";

/** What Neon's SQL over HTTP does not write as PostgreSQL's text in a string, by OID. */
export const NEON_SCALAR_ENCODERS: ReadonlyMap<number, Encode> = new Map([
  [16, encodeBoolean], // bool
  [21, encodeVerbatim], // int2
  [23, encodeVerbatim], // int4
  [114, encodeVerbatim], // json
  [700, encodeFloat], // float4
  [701, encodeFloat], // float8
  [3802, encodeVerbatim], // jsonb
]);
