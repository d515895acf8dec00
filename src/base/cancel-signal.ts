// Tells execution that the client no longer waits for an answer. It has only the part of AbortSignal that this needs, at a
// fraction of the cost: creating an event target for each request cost a warm request more than anything but its system calls.

/** The readable side of a CancelController. Every AbortSignal is a CancelSignal, too. */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** A signal together with the method that aborts it. */
export class CancelController implements CancelSignal {
  #isAborted = false;
  /** An array that is copied at each change is cheap, because there is rarely more than one listener. */
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

  /** Calls each listener once. Further calls do nothing. */
  abort(): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    for (const listener of this.#listeners) listener();
  }
}
