/** Counts the queries that are not answered yet, so that a stopping server knows when the last one is. */
export class RunningQueries {
  #count = 0;
  #onNone: (() => void) | undefined;

  add(): void {
    this.#count += 1;
  }

  remove(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#onNone?.();
  }

  /** Resolves when none is left, or after `deadlineMs`. */
  async whenNone(deadlineMs: number): Promise<void> {
    if (this.#count === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onNone = resolve;
      timer = setTimeout(resolve, deadlineMs);
    });
    clearTimeout(timer);
  }
}
