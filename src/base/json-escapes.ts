// Decodes the escapes of a JSON string. The caller has already checked that the bytes are JSON, so nothing is checked here.

const LETTER_U = 0x75;
const NINE = 0x39;
/** The control characters of the escapes \b, \f, \n, \r and \t. The other escapes of one letter stand for the letter itself. */
const CONTROLS: ReadonlyMap<number, number> = new Map([
  [0x62, 0x08],
  [0x66, 0x0c],
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
]);
const UNIT_LENGTH = 5;
const PAIR_LENGTH = 11;

/** Returns the code point that an escape stands for. `at` is the offset of the byte after the backslash. */
export function escapedCharacter(json: Uint8Array, at: number): number {
  const letter = json[at] ?? 0;
  if (letter !== LETTER_U) return CONTROLS.get(letter) ?? letter;
  const unit = unitAt(json, at + 1);
  return isSurrogate(unit) ? 0x10000 + ((unit - 0xd800) << 10) + unitAt(json, at + UNIT_LENGTH + 2) - 0xdc00 : unit;
}

/** Returns how many bytes the escape has after its backslash. A surrogate pair is written as two escapes and counts as one here. */
export function escapeLength(json: Uint8Array, at: number): number {
  if (json[at] !== LETTER_U) return 1;
  return isSurrogate(unitAt(json, at + 1)) ? PAIR_LENGTH : UNIT_LENGTH;
}

function unitAt(json: Uint8Array, at: number): number {
  let unit = 0;
  for (let place = at; place < at + 4; place += 1) {
    const digit = json[place] ?? 0;
    unit = unit * 16 + (digit & 0xf) + (digit > NINE ? 9 : 0);
  }
  return unit;
}

export function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
