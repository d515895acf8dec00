// Limits how many queries a tenant may run at one time, and how many statements it may send a second, if its row in the metadata has
// such limits. The first statement is counted before the body is read, the others of a batch when their number is known. Each process
// counts separately.

import { LRUCache } from "lru-cache";
import type { Principal } from "../../auth/principal.ts";
import { GatewayError } from "../../base/errors.ts";

type Tenant = Principal["tenant"];

/** The number of statements that a tenant may still send at once. Time adds to it, and statements take from it. */
interface Bucket {
  tokens: number;
  filledAt: number;
}

/** @param count the number of all statements in the request */
type AdmitStatements = (count: number) => void;

const ADMIT_ALL: AdmitStatements = () => undefined;

/** Bounds memory. A tenant whose bucket falls out of the cache gets a full one. */
const MAX_BUCKETS = 10_000;
const RETRY_WHEN_BUSY_SECONDS = 1;

export class TenantThrottle {
  readonly #running = new Map<string, number>();
  readonly #buckets = new LRUCache<string, Bucket>({ max: MAX_BUCKETS });
  readonly #clock: { now: () => number };

  /** @param clock counts milliseconds and never goes back */
  constructor(clock: { now: () => number } = performance) {
    this.#clock = clock;
  }

  /**
   * Runs `use` as one of the tenant's queries. Before it runs any statement, `use` calls `admit` with their number.
   *
   * @throws GatewayError TOO_MANY_REQUESTS when the tenant has too many queries running or sent too many in a short time.
   * @throws (from `admit`) GatewayError INVALID_REQUEST when there are more statements than the tenant may ever send together.
   */
  withQuery<T>(tenant: Tenant, use: (admit: AdmitStatements) => Promise<T>): Promise<T> {
    const { maxConcurrentQueries, requestsPerSecond } = tenant.limits;
    return maxConcurrentQueries === undefined && requestsPerSecond === undefined
      ? use(ADMIT_ALL)
      : this.#withLimited(tenant, use);
  }

  async #withLimited<T>(tenant: Tenant, use: (admit: AdmitStatements) => Promise<T>): Promise<T> {
    const { maxConcurrentQueries } = tenant.limits;
    const running = this.#running.get(tenant.id) ?? 0;
    if (running >= (maxConcurrentQueries ?? Infinity))
      throw tooMany(`This database may run ${maxConcurrentQueries ?? 0} queries at one time`, RETRY_WHEN_BUSY_SECONDS);
    this.#take(tenant, 1, 1);
    this.#running.set(tenant.id, running + 1);
    try {
      return await use((count) => {
        if (count > 1) this.#take(tenant, count - 1, count);
      });
    } finally {
      this.#leave(tenant.id);
    }
  }

  /**
   * Takes `wanted` statements from the tenant's bucket, or none. `total` is the number that the whole request needs: a client that
   * sends the request again needs all of them.
   */
  #take({ id, limits }: Tenant, wanted: number, total: number): void {
    const { requestsPerSecond: perSecond } = limits;
    if (perSecond === undefined) return;
    const burst = limits.requestBurst ?? Math.max(1, Math.ceil(perSecond));
    if (total > burst) throw tooLarge(total, burst);
    const now = this.#clock.now();
    const { tokens, filledAt } = this.#buckets.get(id) ?? { tokens: burst, filledAt: now };
    const filled = Math.min(burst, tokens + ((now - filledAt) / 1_000) * perSecond);
    const isEnough = filled >= wanted;
    this.#buckets.set(id, { tokens: isEnough ? filled - wanted : filled, filledAt: now });
    if (!isEnough)
      throw tooMany(`This database may send ${perSecond} queries a second`, Math.ceil((total - filled) / perSecond));
  }

  #leave(id: string): void {
    const left = (this.#running.get(id) ?? 1) - 1;
    if (left > 0) this.#running.set(id, left);
    else this.#running.delete(id);
  }
}

function tooMany(message: string, retryAfterSeconds: number): GatewayError {
  return new GatewayError("TOO_MANY_REQUESTS", message, { retryAfterSeconds });
}

/** Returns the error for a batch that would be refused however long the client waited before it sends it again. */
function tooLarge(count: number, burst: number): GatewayError {
  return new GatewayError(
    "INVALID_REQUEST",
    `The batch has ${count} statements, but this database may send ${burst} together; send fewer at a time`,
  );
}
