// Who waits for a connection: a queue for each tenant, served in turn, so that a tenant with a thousand requests delays the
// others by no more than one.

import type { Connection } from "./connection.ts";
import { type Entry, LinkedList } from "./linked-list.ts";

export interface Waiter {
  readonly tenant: string;
  readonly sessionKey: string;
  resolve(connection: Connection): void;
  reject(error: Error): void;
}

/** Where a waiter stands in the queue. */
export type Place = Entry<Waiter>;

/** How many connections more a tenant may hold. */
type Allowance = (tenant: string) => number;

export class WaitingTenants {
  /** In the order of their turns. */
  readonly #queues = new Map<string, LinkedList<Waiter>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  countOf(tenant: string): number {
    return this.#queues.get(tenant)?.size ?? 0;
  }

  /** Who came last of the tenant that has most in the queue; undefined when nobody has more than one. */
  get newestOfLongest(): Waiter | undefined {
    let longest = new LinkedList<Waiter>();
    for (const queue of this.#queues.values()) if (queue.size > longest.size) longest = queue;
    return longest.size > 1 ? longest.last : undefined;
  }

  /** How many could be served at once, with connections enough. */
  countServable(allowance: Allowance): number {
    let count = 0;
    for (const [tenant, queue] of this.#queues) count += Math.min(queue.size, allowance(tenant));
    return count;
  }

  add(waiter: Waiter): Place {
    let queue = this.#queues.get(waiter.tenant);
    if (queue === undefined) this.#queues.set(waiter.tenant, (queue = new LinkedList()));
    this.#count += 1;
    return queue.add(waiter);
  }

  remove(place: Place): void {
    const { tenant } = place.member;
    const queue = this.#queues.get(tenant);
    if (queue?.delete(place) !== true) return;
    this.#count -= 1;
    if (queue.size === 0) this.#queues.delete(tenant);
  }

  /** The first of the tenant whose turn it is, to be removed by the caller; that tenant's next turn comes after all the others'. */
  nextInTurn(allowance: Allowance): Waiter | undefined {
    for (const [tenant, queue] of this.#queues) {
      if (allowance(tenant) <= 0) continue;
      if (this.#queues.size > 1) {
        this.#queues.delete(tenant);
        this.#queues.set(tenant, queue);
      }
      return queue.first;
    }
    return undefined;
  }

  takeAll(): readonly Waiter[] {
    const places = [...this.#queues.values()].flatMap((queue) => queue.entries());
    for (const place of places) this.remove(place);
    return places.map(({ member }) => member);
  }
}
