// Finds the nearest node of a kind around a node. The search passes each node only once for a kind, however many nodes are below it.
// Otherwise a chain of thousands of joins or sums would be climbed for each of its tables or calls.

import type { VisitedNode } from "../sql/walk.ts";

type IsWanted = (visited: VisitedNode) => boolean;

export class Ancestors {
  /** Maps each kind to the answers for the nodes that a search has passed. */
  readonly #found = new Map<IsWanted, Map<VisitedNode, VisitedNode | undefined>>();

  /**
   * Returns the first node for which `isWanted` is true, from this one outwards.
   *
   * @param isWanted the same function object for each search of a kind, because answers are kept by it
   */
  nearest(from: VisitedNode | undefined, isWanted: IsWanted): VisitedNode | undefined {
    const found = this.#foundFor(isWanted);
    const passed: VisitedNode[] = [];
    let at = from;
    while (at !== undefined && !isWanted(at) && !found.has(at)) {
      passed.push(at);
      at = at.parent;
    }
    const nearest = at === undefined || isWanted(at) ? at : found.get(at);
    for (const each of passed) found.set(each, nearest);
    return nearest;
  }

  #foundFor(isWanted: IsWanted): Map<VisitedNode, VisitedNode | undefined> {
    const known = this.#found.get(isWanted) ?? new Map<VisitedNode, VisitedNode | undefined>();
    this.#found.set(isWanted, known);
    return known;
  }
}
