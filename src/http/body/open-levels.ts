/** Number of levels in a word. With 30 bits it stays a small integer, which V8 stores without an object. */
const LEVELS_A_WORD = 30;

/** The arrays and objects that are open at a place of a JSON text. Each takes one bit, because a text of brackets opens millions. */
export class OpenLevels {
  /** One bit for each level: 1 for an object, 0 for an array. The lowest bit is the innermost level. */
  #word = 0;
  #levelsInWord = 0;
  readonly #outerWords: number[] = [];
  #depth = 0;

  get depth(): number {
    return this.#depth;
  }

  /** True if the innermost level is an object. */
  get isObject(): boolean {
    return (this.#word & 1) === 1;
  }

  push(isObject: boolean): void {
    if (this.#levelsInWord === LEVELS_A_WORD) {
      this.#outerWords.push(this.#word);
      this.#word = 0;
      this.#levelsInWord = 0;
    }
    this.#word = (this.#word << 1) | (isObject ? 1 : 0);
    this.#levelsInWord += 1;
    this.#depth += 1;
  }

  pop(): void {
    this.#word >>= 1;
    this.#levelsInWord -= 1;
    this.#depth -= 1;
    if (this.#levelsInWord > 0 || this.#outerWords.length === 0) return;
    this.#word = this.#outerWords.pop() ?? 0;
    this.#levelsInWord = LEVELS_A_WORD;
  }
}
