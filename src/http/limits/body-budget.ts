// How many bytes of request bodies may be in memory at one time, over all requests and of one tenant. A body counts from
// before it is read until its query has ended, for its text stays that long.

import type { Principal } from "../../auth/principal.ts";
import { GatewayError, refusal } from "../../base/errors.ts";
import { HeldBytes } from "./held-bytes.ts";

/** While it is parsed and sent on, a body takes up to four times its size: 1 GB, which any server with such requests has. */
const DEFAULT_MAX_HELD_BYTES = 268_435_456;
/** So that no tenant keeps the others out, and every tenant may send one body of the largest size. */
const TENANTS_SHARE = 4;
/** Smaller bodies are not counted: the queue for connections bounds them well enough. */
export const UNCOUNTED_BODY_BYTES = 65_536;

/** The body of one request, for as long as its text is in memory. */
export interface HeldBody {
  /**
   * Names the size before it is read.
   *
   * @throws GatewayError PARSE_ERROR for a large body whose token may run nothing; TOO_MANY_REQUESTS when it would exceed the
   * tenant's share; UNAVAILABLE when it would exceed the whole.
   */
  reserve(bytes: number): void;
  /** Its query has ended. */
  release(): void;
}

export class BodyBudget {
  readonly #maxBytes: number;
  readonly #held = new HeldBytes();

  constructor(maxBodyBytes: number, maxHeldBytes = DEFAULT_MAX_HELD_BYTES) {
    this.#maxBytes = Math.max(maxHeldBytes, TENANTS_SHARE * maxBodyBytes);
  }

  open({ tenant: { id: tenant }, permissions }: Principal): HeldBody {
    let reserved = 0;
    return {
      reserve: (bytes) => {
        if (bytes <= UNCOUNTED_BODY_BYTES) return;
        if (permissions.size === 0) throw refusal("OPERATION_NOT_ALLOWED", "The token has no permissions");
        this.#requireRoom(tenant, bytes);
        this.#held.add(tenant, bytes);
        reserved += bytes;
      },
      release: () => {
        if (reserved > 0) this.#held.add(tenant, -reserved);
        reserved = 0;
      },
    };
  }

  #requireRoom(tenant: string, bytes: number): void {
    if (this.#held.of(tenant) + bytes > this.#maxBytes / TENANTS_SHARE)
      throw new GatewayError("TOO_MANY_REQUESTS", "Too many large requests of this database at one time; try again");
    if (this.#held.total + bytes > this.#maxBytes)
      throw new GatewayError("UNAVAILABLE", "Too many large requests at one time; the statement was not run");
  }
}
