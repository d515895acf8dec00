// Tells execution that nobody waits for an answer any more. What of AbortSignal is needed for that, and at a fraction of its
// price: an event target for each request was the dearest single thing that a warm one paid for, after its system calls.

/** Every AbortSignal is one. */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** A signal in the hands of whoever may give it. */
export class CancelController implements CancelSignal {
  #isAborted = false;
  /** Hardly ever more than one. */
  #listeners: readonly (() => void)[] = [];

  get aborted(): boolean {
    return this.#isAborted;
  }

  addEventListener(_type: "abort", listener: () => void): void {
    this.#listeners = [...this.#listeners, listener];
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    this.#listeners = this.#listeners.filter((each) => each !== listener);
  }

  /** Calls the listeners, once. */
  abort(): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    for (const listener of this.#listeners) listener();
  }
}
