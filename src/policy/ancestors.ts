// Finds the nearest node of a kind around a node. A chain of thousands of joins or sums must not be climbed for each of its
// tables or calls: each node is passed once for a kind, however many nodes are below it.

import type { VisitedNode } from "../sql/walk.ts";

type IsWanted = (visited: VisitedNode) => boolean;

export class Ancestors {
  /** For each kind, the answer for each node that was passed. */
  readonly #found = new Map<IsWanted, Map<VisitedNode, VisitedNode | undefined>>();

  /** The first node for which `isWanted` is true, from this one outwards. `isWanted` is always the same function. */
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
