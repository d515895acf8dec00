// Refuses parameters whose form depends on a type that is not known: a type that the batch itself makes, or one that is made of
// more levels than the gateway follows. Written in the wrong form, an empty array would silently become another value.

import { errorOfStatement, GatewayError } from "../../base/errors.ts";
import { MAX_LEVELS } from "../results/look-up-types.ts";
import { FIRST_LOOKED_UP_TYPE_OID, type UserType } from "../results/result-set.ts";
import { newArrayType } from "../results/to-result-sets.ts";
import type { Step } from "../step.ts";

export interface SentSteps {
  readonly steps: readonly Step[];
  /** Those of the steps whose parameters are about to be written. */
  readonly waiting: readonly Step[];
  readonly isBatch: boolean;
  /** The transaction may make types that no look-up shows before its commit. */
  readonly makesTypes: boolean;
}

/** @throws GatewayError DATABASE_ERROR, in a batch naming the statement. */
export function requireKnownTypes(
  { steps, waiting, isBatch, makesTypes }: SentSteps,
  userTypes: ReadonlyMap<number, UserType>,
): void {
  const isNew = (oid: number): boolean => oid >= FIRST_LOOKED_UP_TYPE_OID && !userTypes.has(oid);
  const statement = makesTypes ? steps.findIndex(({ typesOfForms }) => typesOfForms.some(isNew)) : -1;
  if (statement >= 0) throw errorOfStatement(newArrayType("sent"), statement);
  const isTooDeep = (oid: number): boolean => {
    const type = userTypes.get(oid);
    return type?.kind === "scalar" && type.isTooDeep === true;
  };
  const deep = waiting.find(({ typesOfArrays }) => typesOfArrays.some(isTooDeep));
  if (deep !== undefined) throw isBatch ? errorOfStatement(tooDeepType(), steps.indexOf(deep)) : tooDeepType();
}

function tooDeepType(): GatewayError {
  const message = `An array cannot be sent for a type that is more than ${MAX_LEVELS} levels of domains and arrays deep`;
  return new GatewayError("DATABASE_ERROR", message, {
    details: { sqlstate: "0A000", hint: "Send the value as a string." },
  });
}
