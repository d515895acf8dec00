// Resets connections to PostgreSQL in the middle of an answer, at chosen bytes and at random under load. The full tier resets at every
// byte, and 1,000 times under load.

import { expect, it } from "vitest";
import { useBuiltCli } from "../support/cli.ts";
import { type Answer, post } from "../support/gateway.ts";
import { type Cut, type CuttingProxy, startCuttingProxy } from "./cutting-proxy.ts";
import { createToken, type OwnServer, serveOn, startOwnServer } from "./own-server.ts";
import { NOTHING_WRONG, report, startWriters } from "./writers.ts";
import { isFullTier } from "../support/tier.ts";

const CUTS_UNDER_LOAD = isFullTier ? 1_000 : 25;
const EVERY_NTH_BYTE = isFullTier ? 1 : 17;
const POOL_SIZE = 8;
/** In a pool of this size, tenants' statements have one connection, so no other connection can be cut in its place. */
const SMALLEST_POOL_SIZE = 4;
const TENANTS = /^postgate_exec_/;
const LOOK_UPS = /^postgate_auth_/;
/** The length of the message ReadyForQuery, whose last byte completes an answer. */
const LAST_MESSAGE_BYTES = 6;

useBuiltCli();

interface World {
  readonly server: OwnServer;
  readonly proxy: CuttingProxy;
  readonly url: string;
  readonly token: string;
  readonly ask: (sql: string, params?: unknown[]) => Promise<Answer>;
}

async function startWorld(poolSize: number): Promise<World> {
  const server = await startOwnServer();
  const proxy = await startCuttingProxy(server.dataFolder);
  const { url } = await serveOn(proxy.url, { POSTGATE_POOL_SIZE: String(poolSize) });
  const token = await createToken(server.query);
  const ask: World["ask"] = (sql, params = []) => post(url, token, { sql, params });
  expect((await ask("create table notes (id int)")).status).toBe(200);
  return { server, proxy, url, token, ask };
}

const outcomeOf = ({ status, body }: Answer): string => [status, body.code, body.sqlstate].filter(Boolean).join(" ");

async function takeStored({ ask }: World): Promise<number[]> {
  const { body } = await ask("select array_agg(id order by id) as ids from notes");
  expect((await ask("truncate notes")).status).toBe(200);
  return (body.rows[0].ids ?? []) as number[];
}

async function askCut(proxy: CuttingProxy, cut: Cut, ask: () => Promise<Answer>): Promise<Answer> {
  const happened = proxy.cut(cut);
  const answer = await ask();
  await happened;
  return answer;
}

/** Repeats a write and cuts each answer at another byte. Returns these bytes and the length of the answer. */
async function cutWrites({ proxy, ask }: World, sql: string): Promise<{ cutAt: readonly number[]; total: number }> {
  const write = (id: number) => ask(sql, [id]);
  await write(-2); // The table's look-ups are done now.
  // As in the loop below, the counted write is the first one of its connection: preparing the statement adds to the answer.
  await askCut(proxy, { login: TENANTS, afterBytes: 0 }, () => ask("select 1"));
  expect((await ask("select 1")).status).toBe(200);
  const total = await proxy.countBytes(TENANTS, () => write(-1));
  const all = Array.from({ length: total }, (_, byte) => byte);
  const cutAt = all.filter((byte) => byte % EVERY_NTH_BYTE === 0 || byte >= total - LAST_MESSAGE_BYTES);
  for (const byte of cutAt) {
    const answer = await askCut(proxy, { login: TENANTS, afterBytes: byte }, () => write(byte));
    expect(outcomeOf(answer), `at byte ${byte} of ${total} of ${sql}`).toBe("500 DATABASE_ERROR 08007");
    expect((await ask("select 1")).status).toBe(200); // This request opens another connection.
  }
  return { cutAt, total };
}

/** Checks that each write is committed, because PostgreSQL has answered, and that the client gets an unknown outcome. */
async function writesAreUnknown(world: World): Promise<void> {
  const { cutAt, total } = await cutWrites(world, "insert into notes values ($1)");
  expect(await takeStored(world)).toEqual([-2, -1, ...cutAt]);
  console.info(`a write's answer cut at ${cutAt.length} of ${total} bytes: none acknowledged, none written twice`);
}

/**
 * Checks writes with rows. The gateway sends the commit when it has the rows, so a write that is cut before that is rolled back, and a
 * write that is cut later is not.
 */
async function writesWithRowsAreUnknown(world: World): Promise<void> {
  const { cutAt, total } = await cutWrites(world, "insert into notes values ($1) returning id");
  const ids = await takeStored(world);
  expect(ids).toEqual([-2, -1, ...cutAt.filter((byte) => byte >= (ids[2] ?? total))]);
  expect(ids).not.toContain(0);
  expect(ids).toContain(total - 1);
}

async function readsAreNeverAnsweredInPart({ proxy, ask }: World): Promise<void> {
  const read = () => ask("select array_agg(i) as ids from generate_series(1, 50000) as i");
  const full = (await read()).text;
  const total = await proxy.countBytes(TENANTS, read);
  for (const byte of [0, 1, 100, 4_096, 65_536, 131_072, total - LAST_MESSAGE_BYTES, total - 1]) {
    const answer = await askCut(proxy, { login: TENANTS, afterBytes: byte }, read);
    expect(outcomeOf(answer), `at byte ${byte} of ${total}`).toBe("500 DATABASE_ERROR 08007");
    expect((await read()).text).toBe(full);
  }
}

async function openingIsUnavailable(world: World): Promise<void> {
  const { proxy, server, ask } = world;
  const sessions = () => server.query("select from pg_stat_activity where usename ~ '^postgate_exec'");
  const total = await proxy.countBytes(TENANTS, async () => {
    proxy.resetAll();
    await ask("select 1");
  });
  for (const byte of [0, 1, 5, 20, 200, total / 2].map(Math.floor)) {
    proxy.resetAll();
    await expect.poll(sessions, { timeout: 10_000 }).toEqual([]);
    const insert = () => ask("insert into notes values ($1)", [byte]);
    const answer = await askCut(proxy, { login: TENANTS, afterBytes: byte }, insert);
    expect(outcomeOf(answer), `at byte ${byte} of ${total}`).toBe("503 UNAVAILABLE");
    expect(answer.headers.get("retry-after")).toBe("1");
  }
  expect(await takeStored(world)).toEqual([]);
}

async function lookUpsAreNoWrongTokens({ proxy, server, url }: World): Promise<void> {
  for (let afterBytes = 0; afterBytes < 240; afterBytes += 20) {
    const [row] = await server.query(
      "select t.token from postgate_databases d, lateral create_tenant_token(d.id, gen_random_uuid()::text) t where d.name = 'shop'",
    );
    const ask = () => post(url, String(row.token), { sql: "select 1" });
    const answer = await askCut(proxy, { login: LOOK_UPS, afterBytes }, ask);
    expect(["200", "503 UNAVAILABLE"], answer.text).toContain(outcomeOf(answer));
    expect((await ask()).status).toBe(200);
  }
}

it(
  "a reset makes the outcome of a statement unknown, answers 503 for a new connection, and is no wrong token in a look-up",
  { timeout: 300_000 },
  async () => {
    const world = await startWorld(SMALLEST_POOL_SIZE);
    await writesAreUnknown(world);
    await writesWithRowsAreUnknown(world);
    await readsAreNeverAnsweredInPart(world);
    await openingIsUnavailable(world);
    await lookUpsAreNoWrongTokens(world);
  },
);

it(
  `the gateway loses no acknowledged write and recovers when ${CUTS_UNDER_LOAD} connections are reset under load`,
  { timeout: 300_000 },
  async () => {
    const { server, proxy, url, token, ask } = await startWorld(POOL_SIZE);
    const writers = await startWriters({ url, token });
    for (let cut = 0; cut < CUTS_UNDER_LOAD; cut++) {
      await proxy.cut({ login: cut % 4 === 0 ? LOOK_UPS : TENANTS, afterBytes: (cut * 7919) % 700 });
      if (cut % 5 === 0) await writers.untilAcknowledged(5);
    }
    await writers.untilAcknowledged(50);
    const seen = await writers.end();
    report(`reset ${CUTS_UNDER_LOAD} times`, seen);
    expect(seen).toMatchObject(NOTHING_WRONG);
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask("select 1")));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const open = await server.query("select from pg_stat_activity where usename ~ '^postgate_'");
    expect(open.length).toBeLessThanOrEqual(POOL_SIZE);
  },
);
