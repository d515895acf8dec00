// Sends the corpus to the whole gateway, as a hostile tenant would: every case in file order through POST /query, on PostgreSQL 18, and
// in the full tier on 15 too.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ClusterVersion, hasCluster } from "../support/cluster.ts";
import type { Answer } from "../support/gateway.ts";
import { isFullTier } from "../support/tier.ts";
import { type CorpusWorld, createCorpusWorld, type DatabaseState, type WorldCase } from "./corpus-world.ts";
import { readCorpus } from "./read-corpus.ts";

/** Cases that PostgreSQL refuses. The judge cannot, because they are honest SQL that fails on what it finds or computes. */
const STOPPED_BY_POSTGRESQL: Readonly<Record<string, string>> = {
  "resource_exhaustion-009": "more memory than a process of the server may have",
  "resource_exhaustion-010": "lpad and rpad take no such length",
  "resource_exhaustion-011": "more memory than a process of the server may have",
  "resource_exhaustion-018": "the number is too large for numeric",
  "resource_exhaustion-020": "in some runs the tenant's own sequence gives a key that its table has",
  "resource_exhaustion-021": "the tenant's own sequence is exhausted",
  "side_channel-001": "a table that nobody has",
  "side_channel-002": "a cast that fails",
  "side_channel-004": "a table that only the other tenant has",
  "side_channel-010": "a table that only the other tenant has",
  "deep-009": "more columns than a result can have",
  "deep-010": "JSON that is nested too deep",
  "big-005": "more columns than a result can have",
  "big-008": "a table that nobody has, by a name that is cut",
};

/** Bombs that a fast machine may finish within the time limit. */
const WITHIN_THE_LIMITS: Readonly<Record<string, string>> = {
  "big-006": "a join of 150 tables is planned in about a second, and has six rows",
};

/** /health must answer within 500 ms. A loaded machine may take five times as long. */
const HEALTH_DEADLINE_MS = 2_500;

const ROWS = readCorpus("corpus");
const LIMIT_CODES: readonly unknown[] = ["ROW_LIMIT_EXCEEDED", "RESULT_TOO_LARGE", "TIMEOUT"];

describe.each<ClusterVersion>(isFullTier ? [18, 15] : [18])("the corpus over HTTP on PostgreSQL %i", (version) => {
  describe.skipIf(!hasCluster(version))("as a hostile tenant", () => {
    let world: CorpusWorld;
    let before: DatabaseState | undefined;
    const traces = new Map<string, string>();
    const stopped: string[] = [];
    const sqlstates: string[] = [];
    const held = { allow: 0, deny: 0 };
    const slowestHealth = { ms: 0, at: "" };

    beforeAll(async () => {
      world = await createCorpusWorld(version);
      for (const row of world.cases) {
        const key = row.permissions.join();
        if (!traces.has(key)) traces.set(key, await world.tracesOf(row));
      }
    });
    afterAll(() => world.close());

    async function sendWatchingHealth(row: WorldCase): Promise<Answer> {
      const watch = { isOver: false };
      const answer = world.send(row).finally(() => (watch.isOver = true));
      do {
        const startedAt = performance.now();
        expect((await fetch(`${world.gateway.url}/health`)).status).toBe(200);
        const tookMs = performance.now() - startedAt;
        if (tookMs > slowestHealth.ms) Object.assign(slowestHealth, { ms: tookMs, at: row.id });
        if (!watch.isOver) await new Promise((resolve) => setTimeout(resolve, 10));
      } while (!watch.isOver);
      return answer;
    }

    async function expectNoTraces(row: WorldCase): Promise<void> {
      expect(await world.tracesOf(row)).toBe(traces.get(row.permissions.join()));
    }

    function expectRefused(answer: Answer, row: WorldCase): void {
      if (answer.status === 200 && row.id in WITHIN_THE_LIMITS) return;
      const { code, reason, sqlstate } = answer.body as { code: string; reason?: string; sqlstate?: string };
      expect([answer.status, code, answer.text.slice(0, 300)]).toEqual([
        expect.toBeOneOf([400, 500, 504]),
        expect.toBeOneOf(["PARSE_ERROR", "INVALID_REQUEST", "DATABASE_ERROR", ...LIMIT_CODES]),
        expect.anything(),
      ]);
      if (code === "PARSE_ERROR") expect(reason).toBeTypeOf("string");
      // 08007 means that the gateway's own deadline ended the statement, because PostgreSQL was too busy to report the end in time.
      if (answer.status !== 500 || sqlstate === "08007") return;
      stopped.push(row.id);
      sqlstates.push(`${row.id} ${sqlstate}`);
    }

    async function expectUnchanged(answer: Answer, then: DatabaseState): Promise<void> {
      before = await world.state(then);
      const { code } = answer.body as { code: string };
      const wasRun = code === "DATABASE_ERROR" || LIMIT_CODES.includes(code);
      const { nextTransaction } = before;
      expect({ ...before, ...(wasRun && { sequences: then.sequences }) }).toEqual({ ...then, nextTransaction });
    }

    it.each(ROWS.map((row, index) => ({ index, ...row })))("$expect $id: $sql", async ({ index }) => {
      const row = world.cases[index];
      if (row === undefined) throw new Error("The world has fewer cases");
      if (row.expect === "allow") {
        const answer = await world.send(row);
        before = undefined;
        expect([answer.status, answer.text.slice(0, 300)]).toEqual([200, expect.anything()]);
      } else {
        const then = before ?? (await world.state());
        const answer = await sendWatchingHealth(row);
        expectRefused(answer, row);
        expect(world.leaksIn(answer, row)).toEqual([]);
        await expectNoTraces(row);
        await expectUnchanged(answer, then);
      }
      held[row.expect] += 1;
    });

    it("stops at the judge what the text shows, answers /health in time, and leaves no statement running", async () => {
      const count = (expected: string): number => ROWS.filter((row) => row.expect === expected).length;
      console.info(
        [
          `PostgreSQL ${version}: allow ${held.allow}/${count("allow")}, deny ${held.deny}/${count("deny")}`,
          `stopped by PostgreSQL: ${stopped.length} (${sqlstates.join(", ")})`,
          `slowest /health: ${slowestHealth.ms.toFixed()} ms (${slowestHealth.at})`,
        ].join("\n"),
      );
      await world.untilQuiet();
      expect(slowestHealth.ms).toBeLessThan(HEALTH_DEADLINE_MS);
      expect(stopped.filter((id) => !(id in STOPPED_BY_POSTGRESQL))).toEqual([]);
    });
  });
});
