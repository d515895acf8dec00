/** The migration stopped. The message is one line that tells the operator what to do. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}
