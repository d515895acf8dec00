// Who waits for a connection: a queue for each tenant, served in turn, so that a tenant with a thousand requests delays the
// others by no more than one.

import type { Connection } from "./connection.ts";

export interface Waiter {
  readonly tenant: string;
  readonly sessionKey: string;
  resolve(connection: Connection): void;
  reject(error: Error): void;
}

/** How many connections more a tenant may hold. */
type Allowance = (tenant: string) => number;

export class WaitingTenants {
  /** In the order of their turns. */
  readonly #queues = new Map<string, Set<Waiter>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  countOf(tenant: string): number {
    return this.#queues.get(tenant)?.size ?? 0;
  }

  /** Who came last of the tenant that has most in the queue; undefined when nobody has more than one. */
  get newestOfLongest(): Waiter | undefined {
    let longest: ReadonlySet<Waiter> = new Set();
    for (const queue of this.#queues.values()) if (queue.size > longest.size) longest = queue;
    return longest.size > 1 ? [...longest].at(-1) : undefined;
  }

  /** How many could be served at once, with connections enough. */
  countServable(allowance: Allowance): number {
    let count = 0;
    for (const [tenant, queue] of this.#queues) count += Math.min(queue.size, allowance(tenant));
    return count;
  }

  add(waiter: Waiter): void {
    const queue = this.#queues.get(waiter.tenant);
    if (queue === undefined) this.#queues.set(waiter.tenant, new Set([waiter]));
    else queue.add(waiter);
    this.#count += 1;
  }

  remove(waiter: Waiter): void {
    const queue = this.#queues.get(waiter.tenant);
    if (queue?.delete(waiter) !== true) return;
    this.#count -= 1;
    if (queue.size === 0) this.#queues.delete(waiter.tenant);
  }

  /** The first of the tenant whose turn it is; that tenant's next turn comes after all the others'. */
  takeNext(allowance: Allowance): Waiter | undefined {
    for (const [tenant, queue] of this.#queues) {
      if (allowance(tenant) <= 0) continue;
      const [waiter] = queue;
      if (waiter === undefined) continue;
      this.#queues.delete(tenant);
      this.#queues.set(tenant, queue);
      this.remove(waiter);
      return waiter;
    }
    return undefined;
  }

  takeAll(): readonly Waiter[] {
    const waiters = [...this.#queues.values()].flatMap((queue) => [...queue]);
    this.#queues.clear();
    this.#count = 0;
    return waiters;
  }
}
