// Long work of the main thread, cut into slices: between two turns of it, everything else has its turn. Lanes are served one
// after the other, so that the work of one tenant delays another's by a slice and no more.

/** Work that can be done bit by bit. */
export interface SlicedWork {
  /** Does about as much as `maxBytes` bytes ask for. Returns true when there is nothing left to do. */
  advance(maxBytes: number): boolean;
}

/** The dearest bytes (one parameter every two of them) cost some 30 ns each, so a slice takes at most about 2 ms. */
const SLICE_BYTES = 65_536;
/** After so long, others have their turn. */
const MAX_TURN_MS = 3;

interface Waiting {
  readonly work: SlicedWork;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Slices {
  readonly #lanes = new Map<string, Waiting[]>();

  /** Resolves when the work is done; rejects with what it throws. */
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

  /** One slice of the lane that waits longest, which then is the last one. */
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
