/**
 * Turns a byte offset in the UTF-8 form of `text` into a 1-based position in characters. A character is a code point, as PostgreSQL
 * counts them: an emoji is one. Returns undefined for an unknown location, which the parser gives as -1 or leaves out.
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
