// A list that its members leave from anywhere, without a trace. A Set would do, were it not for V8's garbage collector: the table of a
// Set that grew or shrank refers to the one that replaced it, so that one old table keeps all later ones, and every request that was
// in them, out of the young generation's cheap collections.

/** The place of a member. Once it is deleted, it refers to no other. */
export interface Entry<T> {
  readonly member: T;
  before: Entry<T> | undefined;
  after: Entry<T> | undefined;
  isListed: boolean;
}

export class LinkedList<T> {
  #first: Entry<T> | undefined;
  #last: Entry<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first?.member;
  }

  get last(): T | undefined {
    return this.#last?.member;
  }

  /** As they are now, first come first. */
  entries(): readonly Entry<T>[] {
    const entries: Entry<T>[] = [];
    for (let entry = this.#first; entry !== undefined; entry = entry.after) entries.push(entry);
    return entries;
  }

  add(member: T): Entry<T> {
    const entry: Entry<T> = { member, before: this.#last, after: undefined, isListed: true };
    if (this.#last === undefined) this.#first = entry;
    else this.#last.after = entry;
    this.#last = entry;
    this.#size += 1;
    return entry;
  }

  /** False where it had been deleted before. */
  delete(entry: Entry<T>): boolean {
    if (!entry.isListed) return false;
    const { before, after } = entry;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    entry.before = undefined;
    entry.after = undefined;
    entry.isListed = false;
    this.#size -= 1;
    return true;
  }
}
