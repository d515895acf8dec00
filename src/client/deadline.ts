// Combines the two limits that a caller may set for a request: a signal and a time.

export interface Deadline {
  /** Aborts when the caller's signal aborts or the time is over. Undefined if neither is set. */
  readonly signal: AbortSignal | undefined;
  /** Tells whether the time is over. */
  readonly isOver: () => boolean;
  /** Throws the reason of the caller's signal if that signal is aborted. */
  readonly throwIfAborted: () => void;
  /**
   * Resolves to true after `delayMs`, or at once to false if the time would be over by then. Rejects as soon as the caller's
   * signal aborts.
   */
  readonly wait: (delayMs: number) => Promise<boolean>;
}

export function createDeadline(signal: AbortSignal | undefined, timeoutMs: number | undefined): Deadline {
  const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const endsAt = performance.now() + (timeoutMs ?? Infinity);
  const signals = [signal, timeout].filter((each) => each !== undefined);
  return {
    signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0],
    isOver: () => timeout?.aborted ?? false,
    throwIfAborted: () => signal?.throwIfAborted(),
    wait: (delayMs) =>
      performance.now() + delayMs >= endsAt ? Promise.resolve(false) : sleep(delayMs, signal).then(() => true),
  };
}

function sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, delayMs);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      if (signal?.aborted === true) reject(signal.reason as Error);
      else resolve();
    }
    signal?.addEventListener("abort", done);
  });
}
