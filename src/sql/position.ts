/**
 * Turns a byte offset into the UTF-8 form of `text` into a 1-based position in characters (code points, as PostgreSQL
 * counts: an emoji is one). The parser gives -1, or nothing, where it knows no location.
 */
export function characterPosition(text: string, byteOffset: number | undefined): number | undefined {
  if (byteOffset === undefined || byteOffset < 0) return undefined;
  let position = 1;
  let bytes = 0;
  for (const character of text) {
    if (bytes >= byteOffset) break;
    bytes += Buffer.byteLength(character);
    position += 1;
  }
  return position;
}
