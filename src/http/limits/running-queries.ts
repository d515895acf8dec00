/** Counts the queries that are not answered yet, so that a stopping server knows when the last one is. */
export class RunningQueries {
  #count = 0;
  #isStopping = false;
  #onNone: (() => void) | undefined;

  /** True when the server is stopping: no query may begin, and each answer is the last one on its connection. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  add(): void {
    this.#count += 1;
  }

  remove(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#onNone?.();
  }

  /** Resolves when no query is running any more, or after `deadlineMs`. */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopping = true;
    if (this.#count === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onNone = resolve;
      timer = setTimeout(resolve, deadlineMs);
    });
    clearTimeout(timer);
  }
}
