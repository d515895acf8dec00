/** A word has 30 levels, so that it stays a small integer. */
const LEVELS_A_WORD = 30;

/** The arrays and objects that are open at a place of a JSON text, one bit for each: a text of brackets alone opens millions. */
export class OpenLevels {
  /** The innermost level is the lowest bit: 1 for an object. */
  #word = 0;
  #levelsInWord = 0;
  readonly #outerWords: number[] = [];
  #depth = 0;

  get depth(): number {
    return this.#depth;
  }

  /** Whether the innermost level is an object. */
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
