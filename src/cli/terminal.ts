/** The output of a command. `print` is for lines that a script may read, and `note` for lines that only a person reads. */
export interface Terminal {
  /** Writes a line to stdout. */
  readonly print: (line: string) => void;
  /** Writes a line to stderr. */
  readonly note: (line: string) => void;
}

/** The terminal and the stop signal of a running command. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Aborted when the process is asked to stop. */
  readonly signal: AbortSignal;
}
