// How many queries a tenant may have at one time, and how many statements a second, where its row says so. In charge of refusing
// what is over: one statement before the body is read, the others of a batch when it is known how many they are. Each process
// counts for itself.

import { LRUCache } from "lru-cache";
import type { Principal } from "../../auth/principal.ts";
import { GatewayError } from "../../base/errors.ts";

type Tenant = Principal["tenant"];

/** What a tenant may still send at once: refilled by time, emptied by requests. */
interface Bucket {
  tokens: number;
  filledAt: number;
}

/** @param count of the statements of one request, in all. */
type AdmitStatements = (count: number) => void;

const ADMIT_ALL: AdmitStatements = () => undefined;

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
   * Runs `use` as one of the tenant's queries. It tells `admit` how many statements they are, before it runs any.
   *
   * @throws GatewayError TOO_MANY_REQUESTS when the tenant has too many running, or sent too many in a short time.
   * @throws (of `admit`) GatewayError INVALID_REQUEST when they are more than the tenant may ever send together.
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

  /** Takes `wanted` of the `total` that the request needs from its beginning on, or nothing. */
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

/** However long it waited, it would be refused again: sending it again is no remedy. */
function tooLarge(count: number, burst: number): GatewayError {
  return new GatewayError(
    "INVALID_REQUEST",
    `The batch has ${count} statements, but this database may send ${burst} together; send fewer at a time`,
  );
}
