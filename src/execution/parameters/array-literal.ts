// A JSON array's text → the literal of a PostgreSQL array. Arrays may have millions of elements, so this is one pass over
// the text that makes nothing for each of them. Only for texts that JSON.parse has accepted: nothing is checked twice.

export interface LiteralForm {
  readonly kind: "array";
  /** One character. */
  readonly delimiter: string;
  /** Each element is a document of its own, so what is nested stays JSON. */
  readonly hasJsonElements: boolean;
}

const BLANK = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const NINE = 0x39;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LETTER_N = 0x6e;
const LETTER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const NULL_CODES = [0x4e, 0x55, 0x4c, 0x4c];
/** Of \b, \f, \n, \r and \t; the other escapes but \u stand for the character itself. */
const CONTROLS: ReadonlyMap<number, number> = new Map([
  [0x62, 0x08],
  [0x66, 0x0c],
  [LETTER_N, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
]);

export function arrayLiteral(json: string, form: LiteralForm): string {
  return new ArrayLiteral(json, form).write();
}

class ArrayLiteral {
  readonly #json: string;
  readonly #delimiter: number;
  readonly #hasJsonElements: boolean;
  readonly #target: TextBuilder;
  #position = 0;

  constructor(json: string, { delimiter, hasJsonElements }: LiteralForm) {
    this.#json = json;
    this.#delimiter = delimiter.charCodeAt(0);
    this.#hasJsonElements = hasJsonElements;
    this.#target = new TextBuilder(json.length);
  }

  write(): string {
    this.#take();
    this.#target.put(OPEN_BRACE);
    while (this.#position < this.#json.length) this.#writeNext();
    return this.#target.toString();
  }

  #writeNext(): void {
    const code = this.#json.charCodeAt(this.#position);
    if (code === QUOTE || code === OPEN_BRACKET || code === OPEN_BRACE) this.#writeQuotedOrNested(code);
    else this.#writeMark(this.#take());
  }

  #writeQuotedOrNested(code: number): void {
    if (code === OPEN_BRACE || this.#hasJsonElements) this.#writeDocument();
    else if (code === QUOTE) this.#writeString();
    else {
      this.#take();
      this.#target.put(OPEN_BRACE);
    }
  }

  /** Numbers and booleans are written as they are. */
  #writeMark(code: number): void {
    if (code === COMMA) this.#target.put(this.#delimiter);
    else if (code === CLOSE_BRACKET) this.#target.put(CLOSE_BRACE);
    else if (code === LETTER_N) {
      for (const letter of NULL_CODES) this.#target.put(letter);
      this.#position += NULL_CODES.length - 1;
    } else if (code > BLANK) this.#target.put(code);
  }

  #writeString(): void {
    this.#target.put(this.#take());
    for (let code = this.#take(); code !== QUOTE; code = this.#take())
      this.#putEscaped(code === BACKSLASH ? this.#takeEscape() : code);
    this.#target.put(QUOTE);
  }

  /** The value's own text, quoted: an object, and where elements are JSON also a string or an array. */
  #writeDocument(): void {
    this.#target.put(QUOTE);
    let depth = 0;
    do {
      const code = this.#copy();
      if (code === QUOTE) this.#copyRestOfString();
      else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth += 1;
      else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1;
    } while (depth > 0);
    this.#target.put(QUOTE);
  }

  #copyRestOfString(): void {
    for (let code = this.#copy(); code !== QUOTE; code = this.#copy()) if (code === BACKSLASH) this.#copy();
  }

  #copy(): number {
    const code = this.#take();
    this.#putEscaped(code);
    return code;
  }

  #take(): number {
    return this.#json.charCodeAt(this.#position++);
  }

  /** The UTF-16 unit that the escape stands for whose backslash was taken. */
  #takeEscape(): number {
    const code = this.#take();
    if (code !== LETTER_U) return CONTROLS.get(code) ?? code;
    let unit = 0;
    for (let digits = 0; digits < 4; digits += 1) unit = unit * 16 + hexDigit(this.#take());
    return unit;
  }

  #putEscaped(code: number): void {
    if (code === QUOTE || code === BACKSLASH) this.#target.put(BACKSLASH);
    this.#target.put(code);
  }
}

function hexDigit(code: number): number {
  return (code & 0xf) + (code > NINE ? 9 : 0);
}

const MAX_CHUNK_UNITS = 32_768;

/** A text made of UTF-16 units, in chunks. */
class TextBuilder {
  readonly #bytes: Buffer;
  #length = 0;
  #text = "";

  constructor(expectedUnits: number) {
    this.#bytes = Buffer.allocUnsafe(2 * Math.min(expectedUnits + 16, MAX_CHUNK_UNITS));
  }

  put(unit: number): void {
    if (this.#length === this.#bytes.length) this.#flush();
    this.#bytes[this.#length++] = unit & 0xff;
    this.#bytes[this.#length++] = unit >> 8;
  }

  toString(): string {
    this.#flush();
    return this.#text;
  }

  #flush(): void {
    this.#text += this.#bytes.toString("utf16le", 0, this.#length);
    this.#length = 0;
  }
}
