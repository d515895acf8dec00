/** A queue with one lane for each tenant. Lanes are served in turn, so a full lane delays only its own tenant. */
export class FairQueue<Item> {
  readonly #lanes = new Map<string, Item[]>();
  readonly #limits: { readonly perLane: number; readonly total: number };
  #size = 0;

  constructor(limits: { readonly perLane: number; readonly total: number }) {
    this.#limits = limits;
  }

  /** Adds an item, or returns what is full if there is no room for it. */
  add(lane: string, item: Item): "added" | "lane-full" | "queue-full" {
    const waiting = this.#lanes.get(lane) ?? [];
    if (waiting.length >= this.#limits.perLane) return "lane-full";
    if (this.#size >= this.#limits.total) return "queue-full";
    waiting.push(item);
    this.#lanes.set(lane, waiting);
    this.#size += 1;
    return "added";
  }

  take(): Item | undefined {
    for (const [lane, waiting] of this.#lanes) {
      const item = waiting.shift();
      this.#lanes.delete(lane);
      if (waiting.length > 0) this.#lanes.set(lane, waiting); // The lane stays in the queue, and is now the last.
      this.#size -= 1;
      return item;
    }
    return undefined;
  }
}
