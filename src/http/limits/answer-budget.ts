// Limits the bytes of answers that wait in memory for their readers, for all tenants and for each one. It refuses a query before it
// runs. An answer that exists is always sent.

import { totalmem } from "node:os";
import { GatewayError } from "../../base/errors.ts";
import { HeldBytes } from "./held-bytes.ts";
import { type Exchanged, isOver, isQueued, whenOver } from "./when-over.ts";

/** Default limit: this share of the memory that the process may use, and never more than MAX_DEFAULT_BYTES. */
const SHARE_OF_MEMORY = 1 / 4;
const MAX_DEFAULT_BYTES = 2_147_483_648;
/** One tenant may use half of the limit, so that its slow readers do not keep other tenants out. */
const TENANTS_SHARE = 2;
/** Answers up to this size pass to the kernel at once, so they count only if they wait for others on their connection. */
const UNCOUNTED_BYTES = 65_536;
const RETRY_AFTER_SECONDS = 1;

export class AnswerBudget {
  readonly #maxBytes: number;
  readonly #held = new HeldBytes();

  constructor(maxBytes = defaultBytes()) {
    this.#maxBytes = maxBytes;
  }

  /**
   * @throws GatewayError TOO_MANY_REQUESTS when too many bytes wait for this tenant's readers, and UNAVAILABLE when too many wait for
   * all readers together.
   */
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

  /** Counts an answer until it has been sent or its connection has closed. */
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
