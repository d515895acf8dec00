// Limits the bytes of request bodies in memory, for all requests together and for each tenant. A body counts from before it is read
// until its query has ended, because its text is in memory for that long.

import type { Principal } from "../../auth/principal.ts";
import { GatewayError, refusal } from "../../base/errors.ts";
import { HeldBytes } from "./held-bytes.ts";

/**
 * Default limit. While a body is parsed and sent to PostgreSQL, it takes up to four times its size: with this limit 1 GB, which any
 * server with such requests has.
 */
const DEFAULT_MAX_HELD_BYTES = 268_435_456;
/** One tenant may use a quarter of the limit, so that it does not keep other tenants out. A quarter holds a body of the largest size. */
const TENANTS_SHARE = 4;
/** Bodies up to this size do not count, because the queue of waiters for connections bounds them well enough. */
export const UNCOUNTED_BODY_BYTES = 65_536;

/** The body of one request, for as long as its text is in memory. */
export interface HeldBody {
  /**
   * Reserves memory for the body before it is read.
   *
   * @throws GatewayError PARSE_ERROR for a large body whose token has no permissions, TOO_MANY_REQUESTS when it would exceed the
   * tenant's share, and UNAVAILABLE when it would exceed the whole limit.
   */
  reserve(bytes: number): void;
  /** Returns the reserved memory when the query has ended. */
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
