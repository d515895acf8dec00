/** Migrating stopped. The message is one line, for the operator, and says what to do. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}
