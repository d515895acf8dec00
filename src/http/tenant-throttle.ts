// How many queries a tenant may have at one time, and how many a second, where its row says so. In charge of refusing what is
// over, before its body is read; each process counts for itself.

import { LRUCache } from "lru-cache";
import type { Principal } from "../auth/principal.ts";
import { GatewayError } from "../errors.ts";

type Tenant = Principal["tenant"];

/** What a tenant may still send at once: refilled by time, emptied by requests. */
interface Bucket {
  tokens: number;
  filledAt: number;
}

/** Bounds memory only: a tenant that falls out finds a full bucket. */
const MAX_BUCKETS = 10_000;
const RETRY_WHEN_BUSY_SECONDS = 1;

export class TenantThrottle {
  readonly #running = new Map<string, number>();
  readonly #buckets = new LRUCache<string, Bucket>({ max: MAX_BUCKETS });
  readonly #clock: { now: () => number };

  /** @param clock gives milliseconds that only go forward. */
  constructor(clock: { now: () => number } = performance) {
    this.#clock = clock;
  }

  /**
   * Runs `use` as one of the tenant's queries.
   *
   * @throws GatewayError TOO_MANY_REQUESTS when the tenant has too many running, or sent too many in a short time.
   */
  async withQuery<T>(tenant: Tenant, use: () => Promise<T>): Promise<T> {
    const { maxConcurrentQueries, requestsPerSecond } = tenant.limits;
    if (maxConcurrentQueries === undefined && requestsPerSecond === undefined) return use();
    const running = this.#running.get(tenant.id) ?? 0;
    if (running >= (maxConcurrentQueries ?? Infinity))
      throw tooMany(`This database may run ${maxConcurrentQueries ?? 0} queries at one time`, RETRY_WHEN_BUSY_SECONDS);
    if (requestsPerSecond !== undefined) this.#takeToken(tenant, requestsPerSecond);
    this.#running.set(tenant.id, running + 1);
    try {
      return await use();
    } finally {
      this.#leave(tenant.id);
    }
  }

  #takeToken({ id, limits }: Tenant, perSecond: number): void {
    const burst = limits.requestBurst ?? Math.max(1, Math.ceil(perSecond));
    const now = this.#clock.now();
    const { tokens, filledAt } = this.#buckets.get(id) ?? { tokens: burst, filledAt: now };
    const filled = Math.min(burst, tokens + ((now - filledAt) / 1_000) * perSecond);
    const isEmpty = filled < 1;
    this.#buckets.set(id, { tokens: isEmpty ? filled : filled - 1, filledAt: now });
    if (isEmpty)
      throw tooMany(`This database may send ${perSecond} queries a second`, Math.ceil((1 - filled) / perSecond));
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
