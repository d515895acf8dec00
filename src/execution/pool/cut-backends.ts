// The backends that a pool has cut off and that may still run. A backend inside a long loop of one C function takes no cancel,
// and it notices a closed connection only when it next reads or writes. Until PostgreSQL says that it is gone, it counts
// against the share of its tenant and against the size of the pool.
//
// A backend is in one of these states:
//   cut      The gateway has closed the connection and has not heard of the backend since.
//   running  PostgreSQL has said that the backend is there. The time of its start tells it from a later one with its pid.
//   gone     PostgreSQL has said that it is not there, or that its pid belongs to another. It is forgotten, and its place is free.
//
// cut → running → gone, or cut → gone. Where PostgreSQL gives no answer for ten minutes, the backend is forgotten as well, since
// a pool that cannot ask must not stay closed for good; the CONNECTION LIMIT of the login is the bound then.

import type { Backend } from "../../postgres/find-backends.ts";

/** Asks PostgreSQL which of these processes are backends of the pool's login in the pool's database. */
export type FindBackends = (processIds: readonly number[]) => Promise<readonly Backend[]>;

export interface CutBackendsOptions {
  /** Undefined where PostgreSQL cannot be asked, as behind a pooler: then no backend counts. */
  readonly find: FindBackends | undefined;
  /** Whether an open connection of the pool has this backend, so that the pid was given to another since the cut. */
  readonly isOpen: (processId: number) => boolean;
  /** Called when at least one backend was forgotten. */
  readonly onFreed: () => void;
  /** Called with the reason each time that PostgreSQL cannot be asked. */
  readonly onUnanswered: (cause: unknown) => void;
}

type State = { readonly kind: "cut" } | { readonly kind: "running"; readonly startedAt: string | null };

interface CutBackend {
  readonly processId: number;
  readonly tenant: string;
  state: State;
  /** When PostgreSQL last told of it, or else the time of the cut, in milliseconds of `performance.now()`. */
  heardAt: number;
}

/** The first question is asked at once, since most backends are gone by then. The pause doubles after each question. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const MAX_UNANSWERED_MS = 10 * 60_000;

export class CutBackends {
  readonly #options: CutBackendsOptions;
  readonly #backends = new Set<CutBackend>();
  #pauseMs = FIRST_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;
  #isClosed = false;

  constructor(options: CutBackendsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#backends.size;
  }

  countOf(tenant: string): number {
    if (this.#backends.size === 0) return 0; // Each request asks, and there are seldom any.
    let count = 0;
    for (const backend of this.#backends) if (backend.tenant === tenant) count += 1;
    return count;
  }

  add(processId: number, tenant: string): void {
    if (this.#isClosed || this.#options.find === undefined) return;
    this.#backends.add({ processId, tenant, state: { kind: "cut" }, heardAt: performance.now() });
    this.#pauseMs = FIRST_PAUSE_MS;
    clearTimeout(this.#timer);
    void this.#ask();
  }

  /** Asks no more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#backends.clear();
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const asked = [...this.#backends];
    const found = await this.#find(asked);
    this.#isAsking = false;
    if (this.#isClosed) return;
    const gone = asked.filter((backend) => isGone(backend, found, this.#options));
    for (const backend of gone) this.#backends.delete(backend);
    if (gone.length > 0) this.#options.onFreed();
    if (this.#backends.size > 0) this.#askLater();
  }

  #askLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), this.#pauseMs).unref();
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  /** Undefined where PostgreSQL gives no answer. */
  async #find(backends: readonly CutBackend[]): Promise<readonly Backend[] | undefined> {
    try {
      return await this.#options.find?.(backends.map(({ processId }) => processId));
    } catch (cause) {
      if (!this.#isClosed) this.#options.onUnanswered(cause);
      return undefined;
    }
  }
}

/** Moves the backend into the state that the answer means, and says whether that is `gone`. */
function isGone(backend: CutBackend, found: readonly Backend[] | undefined, { isOpen }: CutBackendsOptions): boolean {
  if (found === undefined) return performance.now() - backend.heardAt > MAX_UNANSWERED_MS;
  const same = found.find(({ processId }) => processId === backend.processId);
  if (same === undefined || isOpen(same.processId) || isAnother(same, backend.state)) return true;
  backend.state = { kind: "running", startedAt: same.startedAt };
  backend.heardAt = performance.now();
  return false;
}

/** Where the start is hidden, a backend with the pid counts as the same: a pid comes again only after all others. */
function isAnother({ startedAt }: Backend, state: State): boolean {
  return state.kind === "running" && state.startedAt !== null && startedAt !== state.startedAt;
}
