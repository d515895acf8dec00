// One timer for all deadlines of a pool: a timer per request would cost more than the request's own bookkeeping.

import { type Entry, LinkedList } from "./linked-list.ts";

export interface Deadline {
  /** In milliseconds of `performance.now()`. */
  readonly deadlineAt: number;
  /** Called once, at most one sweep after `deadlineAt`. */
  expire(): void;
}

export type Appointment = Entry<Deadline>;

const SWEEP_MS = 100;

export class Deadlines {
  readonly #pending = new LinkedList<Deadline>();
  #timer: NodeJS.Timeout | undefined;

  add(deadline: Deadline): Appointment {
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
    return this.#pending.add(deadline);
  }

  delete(appointment: Appointment): void {
    this.#pending.delete(appointment);
  }

  #sweep(): void {
    const now = performance.now();
    for (const appointment of this.#pending.entries()) {
      const { member } = appointment;
      if (member.deadlineAt > now || !this.#pending.delete(appointment)) continue;
      member.expire();
    }
    if (this.#pending.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
