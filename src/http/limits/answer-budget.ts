// How many bytes of answers may wait in memory for their readers, of all tenants and of one. In charge of refusing a query
// before it runs; an answer that is there is sent.

import { totalmem } from "node:os";
import { GatewayError } from "../../base/errors.ts";
import { HeldBytes } from "./held-bytes.ts";
import { type Exchanged, isOver, isQueued, whenOver } from "./when-over.ts";

/** Of the memory that the process may use, and never more than so much. */
const SHARE_OF_MEMORY = 1 / 4;
const MAX_DEFAULT_BYTES = 2_147_483_648;
/** So that no tenant's slow readers keep the others out. */
const TENANTS_SHARE = 2;
/** Smaller answers are in the kernel's hands at once, unless they wait for others on their connection. */
const UNCOUNTED_BYTES = 65_536;
const RETRY_AFTER_SECONDS = 1;

export class AnswerBudget {
  readonly #maxBytes: number;
  readonly #held = new HeldBytes();

  constructor(maxBytes = defaultBytes()) {
    this.#maxBytes = maxBytes;
  }

  /** @throws GatewayError TOO_MANY_REQUESTS or UNAVAILABLE when too much waits for this tenant's readers, or for all. */
  requireRoom(tenant: string): void {
    const retry = { retryAfterSeconds: RETRY_AFTER_SECONDS };
    if (this.#held.of(tenant) >= this.#maxBytes / TENANTS_SHARE)
      throw new GatewayError(
        "TOO_MANY_REQUESTS",
        "Too many answers of this database wait to be read; read them",
        retry,
      );
    if (this.#held.total >= this.#maxBytes)
      throw new GatewayError("UNAVAILABLE", "Too many answers wait to be read; the statement was not run", retry);
  }

  /** Counts an answer until it is sent, or its connection is gone. */
  hold(tenant: string, bytes: number, exchanged: Exchanged): void {
    if (isOver(exchanged) || (bytes <= UNCOUNTED_BYTES && !isQueued(exchanged))) return;
    this.#held.add(tenant, bytes);
    whenOver(exchanged, () => this.#held.add(tenant, -bytes));
  }
}

function defaultBytes(): number {
  const limit = process.constrainedMemory();
  const memory = limit > 0 && limit < totalmem() ? limit : totalmem();
  return Math.min(MAX_DEFAULT_BYTES, memory * SHARE_OF_MEMORY);
}
