// One timer for all deadlines of a pool: a timer per request would cost more than the request's own bookkeeping.

export interface Deadline {
  /** In milliseconds of `performance.now()`. */
  readonly deadlineAt: number;
  /** Called once, at most one sweep after `deadlineAt`. */
  expire(): void;
}

const SWEEP_MS = 100;

export class Deadlines {
  readonly #pending = new Set<Deadline>();
  #timer: NodeJS.Timeout | undefined;

  add(deadline: Deadline): void {
    this.#pending.add(deadline);
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  delete(deadline: Deadline): void {
    this.#pending.delete(deadline);
  }

  #sweep(): void {
    const now = performance.now();
    for (const deadline of this.#pending) {
      if (deadline.deadlineAt > now) continue;
      this.#pending.delete(deadline);
      deadline.expire();
    }
    if (this.#pending.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
