// Cuts long work of the main thread into slices and lets everything else run between two turns. Lanes take turns slice by slice, so
// that at most one slice of each other tenant runs between two slices of a tenant.

/** Work that can be done in parts. */
export interface SlicedWork {
  /** Does about as much work as `maxBytes` bytes need. Returns true when there is nothing left to do. */
  advance(maxBytes: number): boolean;
}

/** The most expensive bytes (one parameter in every two bytes) take about 30 ns each, so a slice takes at most about 2 ms. */
const SLICE_BYTES = 65_536;
/** Time after which the slices stop to let other work of the main thread run. */
const MAX_TURN_MS = 3;

interface Waiting {
  readonly work: SlicedWork;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Slices {
  readonly #lanes = new Map<string, Waiting[]>();

  /** Resolves when the work is done, or rejects with the error that the work throws. */
  run(lane: string, work: SlicedWork): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#lanes.size === 0) setImmediate(() => this.#turn());
      this.#add(lane, { work, resolve, reject });
    });
  }

  #turn(): void {
    const endsAt = performance.now() + MAX_TURN_MS;
    do this.#slice();
    while (this.#lanes.size > 0 && performance.now() < endsAt);
    if (this.#lanes.size > 0) setImmediate(() => this.#turn());
  }

  /** Runs one slice of the lane that has waited longest, and moves that lane to the end. */
  #slice(): void {
    for (const [lane, [next, ...others]] of this.#lanes) {
      this.#lanes.delete(lane);
      if (others.length > 0) this.#lanes.set(lane, others);
      if (next !== undefined && !isDone(next)) this.#add(lane, next);
      return;
    }
  }

  #add(lane: string, waiting: Waiting): void {
    const queue = this.#lanes.get(lane);
    if (queue === undefined) this.#lanes.set(lane, [waiting]);
    else queue.push(waiting);
  }
}

function isDone({ work, resolve, reject }: Waiting): boolean {
  try {
    if (!work.advance(SLICE_BYTES)) return false;
    resolve();
  } catch (error) {
    reject(error);
  }
  return true;
}
