// Reads the members of a body: at once if the body is small, and otherwise in slices, between which other requests run.

import type { SlicedWork } from "../../base/slices.ts";
import { type BodyForm, BodyReader } from "./body-reader.ts";
import type { BodyRecord } from "./body-record.ts";

/** Does the work in slices, between which other requests run, and resolves when it is done. */
export type RunInSlices = (work: SlicedWork) => Promise<void>;

/** Largest body that is read at once. Reading it costs no more than the rest of its request. */
const SMALL_BODY_BYTES = 65_536;

interface Reading<T> {
  readonly form: BodyForm;
  readonly inSlices: RunInSlices;
  /** Makes the protocol's request from the members. */
  readonly toRequest: (body: BodyRecord) => T;
}

/** @throws GatewayError INVALID_REQUEST when the body is no JSON object. Errors of `toRequest` pass through. */
export function readJsonBody<T>(bytes: Buffer, { form, inSlices, toRequest }: Reading<T>): T | Promise<T> {
  const reader = new BodyReader(bytes, form);
  if (bytes.length > SMALL_BODY_BYTES) return inSlices(reader).then(() => toRequest(reader.body));
  while (!reader.advance(SMALL_BODY_BYTES)) continue;
  return toRequest(reader.body);
}
