/** Where a command writes. What a script reads goes to `print`, what a person reads beside it to `note`. */
export interface Terminal {
  /** A line on stdout. */
  readonly print: (line: string) => void;
  /** A line on stderr. */
  readonly note: (line: string) => void;
}

/** What a command runs with. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Aborted when the process is asked to stop. */
  readonly signal: AbortSignal;
}
