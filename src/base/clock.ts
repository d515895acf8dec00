/** Milliseconds that only go forward. */
export interface Clock {
  readonly now: () => number;
}
