// PostgreSQL is killed -9 and started again while clients write and read. 2 times here; 20 times with FAULTS=long.

import { expect, it } from "vitest";
import { useBuiltCli } from "../support/cli.ts";
import { type Answer, post } from "../support/gateway.ts";
import { createToken, serveOn, startOwnServer } from "./own-server.ts";

const TIMES = process.env["FAULTS"] === "long" ? 20 : 2;
const CLIENTS = 8;
/** Promised: two seconds. */
const RECOVERY_DEADLINE_MS = 5 * 2_000;
const ANSWER_DEADLINE_MS = 30_000;

useBuiltCli();

it(
  `loses no acknowledged write, answers nothing wrong and comes back, when PostgreSQL is killed ${TIMES} times`,
  { timeout: 60_000 + TIMES * 15_000 },
  async () => {
    const server = await startOwnServer();
    const { url } = await serveOn(server.url);
    const token = await createToken(server.query);
    expect((await post(url, token, { sql: "create table writes (id int primary key)" })).status).toBe(200);

    const acknowledged = new Set<number>();
    const refused = new Set<number>();
    const unexpected: string[] = [];
    let next = 0;
    let isOver = false;

    function judge(id: number, answer: Answer): void {
      const { code, sqlstate } = answer.body as { code?: string; sqlstate?: string };
      if (answer.status === 200) acknowledged.add(id);
      else if (answer.status === 503 && code === "UNAVAILABLE") refused.add(id);
      else if (answer.status !== 500 || !/^(08007|57P0.)$/.test(sqlstate ?? "")) unexpected.push(answer.text);
    }
    async function client(): Promise<void> {
      while (!isOver) {
        const id = next++;
        const since = performance.now();
        judge(id, await post(url, token, { sql: "insert into writes values ($1)", params: [id] }));
        if (performance.now() - since > ANSWER_DEADLINE_MS) unexpected.push("an answer that hung");
        const read = await post(url, token, {
          sql: "select count(*)::int as count from writes where id = $1",
          params: [id],
        });
        if (read.status === 200 && acknowledged.has(id) && read.body.rows[0].count !== 1) unexpected.push(`lost ${id}`);
      }
    }
    const clients = Array.from({ length: CLIENTS }, client);

    const outages: number[] = [];
    for (let time = 0; time < TIMES; time++) {
      const before = acknowledged.size;
      while (acknowledged.size < before + 50) await new Promise(setImmediate);
      await server.kill();
      await server.start();
      const since = performance.now();
      while ((await post(url, token, { sql: "select 1" })).status !== 200 && performance.now() - since < 60_000);
      outages.push(performance.now() - since);
    }
    isOver = true;
    await Promise.all(clients);

    const rows = (await post(url, token, { sql: "select array_agg(id) as ids from writes" })).body.rows as {
      ids: number[];
    }[];
    const stored = new Set(rows[0]?.ids);
    const lost = [...acknowledged].filter((id) => !stored.has(id));
    const ranThoughRefused = [...refused].filter((id) => stored.has(id));
    console.info(
      `killed ${TIMES} times: ${acknowledged.size} acknowledged, ${refused.size} refused, ${lost.length} lost, ` +
        `${unexpected.length} wrong, back after ${Math.round(Math.max(...outages))} ms at most`,
    );
    expect({ lost, ranThoughRefused, unexpected: unexpected.slice(0, 3) }).toEqual({
      lost: [],
      ranThoughRefused: [],
      unexpected: [],
    });
    expect(Math.max(...outages)).toBeLessThan(RECOVERY_DEADLINE_MS);
  },
);
