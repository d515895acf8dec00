// Tables of what each byte of a JSON text means. The scanner looks each byte up in one of them.

/** The bytes of a string that end a run of ordinary characters: a quote, a backslash, or a control character. */
export const ENDS_RUN = tableOf((byte) => byte < 0x20 || byte === 0x22 || byte === 0x5c);
export const IS_BLANK = tableOf((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d);
export const IS_SIMPLE_ESCAPE = tableOf((byte) => '"\\/bfnrt'.includes(String.fromCharCode(byte)));

/** The states of a number: the part that its last byte belongs to. A number may end in the states from `integer` on. */
export const Part = {
  sign: 0,
  point: 1,
  exponent: 2,
  exponentSign: 3,
  integer: 4,
  zero: 5,
  fraction: 6,
  power: 7,
} as const;
const PARTS = 8;
/** The value for a byte that is no part of the number: the number ends before it. */
export const ENDS_NUMBER = PARTS;
/** The row of the table for a number's first byte. */
export const START_OF_NUMBER = PARTS * 256;
export const NEXT_PART = partTable();

export const TRUE = bytesOf("true");
export const FALSE = bytesOf("false");
export const NULL = bytesOf("null");

function tableOf(test: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (test(byte) ? 1 : 0));
}

function bytesOf(word: string): Uint8Array {
  return Uint8Array.from(word, (letter) => letter.charCodeAt(0));
}

/** Returns a table with one row for each part of a number: the part that each byte leads to. The last row is for the first byte. */
function partTable(): Uint8Array {
  const table = new Uint8Array((PARTS + 1) * 256).fill(ENDS_NUMBER);
  const set = (row: number, bytes: string, part: number): void => {
    for (const byte of bytes) table[row * 256 + byte.charCodeAt(0)] = part;
  };
  for (const row of [PARTS, Part.sign]) {
    set(row, "0", Part.zero);
    set(row, "123456789", Part.integer);
  }
  set(PARTS, "-", Part.sign);
  set(Part.integer, "0123456789", Part.integer);
  for (const row of [Part.integer, Part.zero]) set(row, ".", Part.point);
  for (const row of [Part.point, Part.fraction]) set(row, "0123456789", Part.fraction);
  for (const row of [Part.integer, Part.zero, Part.fraction]) set(row, "eE", Part.exponent);
  set(Part.exponent, "+-", Part.exponentSign);
  for (const row of [Part.exponent, Part.exponentSign, Part.power]) set(row, "0123456789", Part.power);
  return table;
}
