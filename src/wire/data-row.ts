// A row as PostgreSQL sent it: the body of a DataRow message. It is read in place and never copied.

/** The number of columns in 2 bytes, then for each column its length in 4 bytes (-1 for NULL) and its text in UTF-8. */
export type DataRow = Buffer;

const COUNT_BYTES = 2;
const LENGTH_BYTES = 4;

/** The start and end of each value in its row, one column after the other. The end of a NULL is -1. */
export type ValueBounds = Int32Array;

export function createBounds(columns: number): ValueBounds {
  return new Int32Array(columns * 2);
}

/**
 * Finds the values of as many columns as `bounds` has room for.
 *
 * @throws Error when the row has fewer columns, or a value reaches beyond the row.
 */
export function locateValues(row: DataRow, bounds: ValueBounds): void {
  let at = COUNT_BYTES;
  for (let index = 0; index < bounds.length; index += 2) {
    if (at + LENGTH_BYTES > row.length) throw new Error("A row has fewer values than the result has fields");
    const length = row.readInt32BE(at);
    at += LENGTH_BYTES;
    bounds[index] = at;
    if (length > 0) at += length;
    bounds[index + 1] = length < 0 ? -1 : at;
  }
  if (at > row.length) throw new Error("A row is shorter than its values");
}
