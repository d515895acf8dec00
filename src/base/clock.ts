/** A clock that counts milliseconds and never goes back. */
export interface Clock {
  readonly now: () => number;
}
