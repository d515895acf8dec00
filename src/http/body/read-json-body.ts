// The bytes of a body → its members: at once where it is small, otherwise in slices, between which other requests have their turn.

import type { SlicedWork } from "../../base/slices.ts";
import { type BodyForm, BodyReader } from "./body-reader.ts";
import type { BodyRecord } from "./body-record.ts";

/** Does the work between other requests, and resolves when it is done. */
export type RunInSlices = (work: SlicedWork) => Promise<void>;

/** What a smaller body costs is no more than the rest of its request. */
const SMALL_BODY_BYTES = 65_536;

interface Reading<T> {
  readonly form: BodyForm;
  readonly inSlices: RunInSlices;
  /** Makes of the members what the protocol asks for. */
  readonly toRequest: (body: BodyRecord) => T;
}

/** @throws GatewayError INVALID_REQUEST where the body is no JSON object, and what `toRequest` throws. */
export function readJsonBody<T>(bytes: Buffer, { form, inSlices, toRequest }: Reading<T>): T | Promise<T> {
  const reader = new BodyReader(bytes, form);
  if (bytes.length > SMALL_BODY_BYTES) return inSlices(reader).then(() => toRequest(reader.body));
  while (!reader.advance(SMALL_BODY_BYTES)) continue;
  return toRequest(reader.body);
}
