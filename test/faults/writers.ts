// Runs clients that write and read all the time, and records their answers, to measure a fault under load.

import { type Answer, post } from "../support/gateway.ts";

/** No answer may take longer. A request that hangs counts as a wrong answer. */
const ANSWER_DEADLINE_MS = 30_000;
const UNKNOWN = /^(08007|57P0.)$/;

export interface WritersOptions {
  readonly url: string;
  readonly token: string;
  readonly clients?: number;
  /** SQLSTATEs with which PostgreSQL may refuse a write during the fault. */
  readonly mayRefuseWith?: RegExp;
}

/** The answers that the clients saw. */
export interface Seen {
  readonly acknowledged: number;
  /** Writes that were not run, according to their answers. */
  readonly refused: number;
  readonly unknown: number;
  /** Reads that were answered with an error. */
  readonly failedReads: number;
  /** Writes that were acknowledged but are not stored. */
  readonly lost: readonly number[];
  /** Writes that were refused but are stored. */
  readonly ranThoughRefused: readonly number[];
  /** Writes that are stored more than once, because they were sent again. */
  readonly doubled: readonly number[];
  /** At most three of the answers that no client should get. */
  readonly wrong: readonly string[];
  readonly longestAnswerMs: number;
  /** The longest time between two acknowledged writes of all clients together. */
  readonly longestOutageMs: number;
}

export interface Writers {
  readonly acknowledgedCount: () => number;
  /** Resolves when this many more writes were acknowledged. */
  untilAcknowledged(more: number): Promise<void>;
  /** Lets the clients end, and compares their answers with the stored rows. */
  end(): Promise<Seen>;
}

/** An expectation for `toMatchObject`: no answer was wrong, and no write was lost, doubled or run despite a refusal. */
export const NOTHING_WRONG = { lost: [], ranThoughRefused: [], doubled: [], wrong: [] };

export async function startWriters({ url, token, clients = 8, mayRefuseWith }: WritersOptions): Promise<Writers> {
  const ask = (sql: string, params: unknown[] = []) => post(url, token, { sql, params });
  const created = await ask("create table if not exists writes (id int)"); // The table has no key, so that a doubled write shows.
  if (created.status !== 200) throw new Error(created.text);

  const acknowledged = new Set<number>();
  const refused = new Set<number>();
  const wrong: string[] = [];
  let unknownCount = 0;
  let failedReadCount = 0;
  let next = 0;
  let isOver = false;
  let longestAnswerMs = 0;
  let longestOutageMs = 0;
  let lastAcknowledgedAt = performance.now();

  function classOf({ status, body, text }: Answer): "done" | "not run" | "unknown" | "wrong" {
    const { code = "", sqlstate = "" } = body as { code?: string; sqlstate?: string };
    if (status === 200) return "done";
    if ((status === 503 && code === "UNAVAILABLE") || mayRefuseWith?.test(sqlstate) === true) return "not run";
    if (status === 500 && UNKNOWN.test(sqlstate)) return "unknown";
    wrong.push(text);
    return "wrong";
  }

  function judgeWrite(id: number, answer: Answer): void {
    const outcome = classOf(answer);
    if (outcome === "not run") refused.add(id);
    if (outcome === "unknown") unknownCount += 1;
    if (outcome !== "done") return;
    acknowledged.add(id);
    const now = performance.now();
    longestOutageMs = Math.max(longestOutageMs, now - lastAcknowledgedAt);
    lastAcknowledgedAt = now;
  }

  function judgeRead(id: number, answer: Answer): void {
    const outcome = classOf(answer);
    if (outcome === "not run" || outcome === "unknown") failedReadCount += 1;
    if (outcome === "done" && acknowledged.has(id) && answer.body.rows[0].count !== 1) wrong.push(`not read: ${id}`);
  }

  async function client(): Promise<void> {
    while (!isOver) {
      const id = next++;
      const since = performance.now();
      judgeWrite(id, await ask("insert into writes values ($1)", [id]));
      const took = performance.now() - since;
      longestAnswerMs = Math.max(longestAnswerMs, took);
      if (took > ANSWER_DEADLINE_MS) wrong.push("an answer that hung");
      judgeRead(id, await ask("select count(*)::int as count from writes where id = $1", [id]));
    }
  }
  const running = Promise.all(Array.from({ length: clients }, client));

  return {
    acknowledgedCount: () => acknowledged.size,
    async untilAcknowledged(more) {
      const target = acknowledged.size + more;
      while (acknowledged.size < target && wrong.length === 0) await new Promise(setImmediate);
    },
    async end() {
      isOver = true;
      await running;
      const { body } = await ask("select array_agg(id) as ids from writes");
      const ids = (body.rows[0].ids ?? []) as number[];
      const stored = new Set(ids);
      return {
        acknowledged: acknowledged.size,
        refused: refused.size,
        unknown: unknownCount,
        failedReads: failedReadCount,
        lost: [...acknowledged].filter((id) => !stored.has(id)),
        ranThoughRefused: [...refused].filter((id) => stored.has(id)),
        doubled: ids.filter((id, index) => ids.indexOf(id) !== index),
        wrong: wrong.slice(0, 3),
        longestAnswerMs: Math.round(longestAnswerMs),
        longestOutageMs: Math.round(longestOutageMs),
      };
    },
  };
}

export function report(fault: string, seen: Seen): void {
  const { acknowledged, refused, unknown, failedReads, lost, wrong, doubled, longestAnswerMs, longestOutageMs } = seen;
  console.info(
    `${fault}: writes: ${acknowledged} acknowledged, ${refused} refused, ${unknown} unknown, ${lost.length} lost, ` +
      `${doubled.length} doubled; ${failedReads} reads failed; ${wrong.length} wrong answers; ` +
      `longest answer ${longestAnswerMs} ms, longest time without a write ${longestOutageMs} ms`,
  );
}
