import pg from "pg";
import { describe, expect, it } from "vitest";
import { Exchange, type ExchangePlan } from "../../../src/execution/exchange.ts";
import { unnamedStatement } from "../../../src/execution/pool/prepared-statements.ts";
import { dataRow } from "../../support/data-row.ts";

const FIRST = {
  request: [],
  until: 1,
  parsing: [],
  commands: [{ statement: 0, kind: "statement" as const }],
  describing: [],
  endsInSync: true,
};
const ROW = dataRow(["1"]);

function start(changes: Partial<ExchangePlan> = {}) {
  const host = { write: () => true, cut: () => void (seen.cuts += 1), isReady: () => undefined };
  const seen = { cuts: 0, host };
  const exchange = new Exchange(
    {
      first: FIRST,
      fixedCount: 0,
      guardCount: 0,
      statementCount: 1,
      maxBytes: 1_000,
      maxRows: 10,
      mayWrite: false,
      ...changes,
    },
    host,
  );
  exchange.submit();
  return { exchange, seen };
}

it("cuts a connection on which the server says farewell in one breath with the end of an answer", async () => {
  const { exchange, seen } = start();
  const farewell = Object.assign(new pg.DatabaseError("terminating connection", 0, "error"), { code: "57P01" });
  exchange.commandComplete("SELECT 0");
  exchange.readyForQuery("I");
  expect(seen.cuts).toBe(0);

  exchange.serverError(farewell);

  expect(seen.cuts).toBe(1);
  expect(await exchange.done).toMatchObject({ kind: "completed" });
});

describe("a transaction that may write, once its Sync is sent", () => {
  it("is not answered as too large, because it may be committed: its outcome is unknown", async () => {
    const { exchange, seen } = start({ mayWrite: true });

    exchange.bytesReceived(1_001);
    expect(seen.cuts).toBe(0);
    exchange.bytesReceived(2_000_000);
    expect(seen.cuts).toBe(1);
    exchange.connectionEnded();

    expect(await exchange.done).toMatchObject({ kind: "lost", isSyncSent: true });
  });

  it("completes although the bytes after its Sync pass the limit of the answer", async () => {
    const { exchange, seen } = start({ mayWrite: true });
    exchange.bytesReceived(1_001);
    exchange.commandComplete("INSERT 0 1");
    exchange.readyForQuery("I");

    expect(await exchange.done).toMatchObject({ kind: "completed" });
    expect(seen.cuts).toBe(0);
  });

  it("is refused as too large while its Sync is held back", async () => {
    const { exchange, seen } = start({ mayWrite: true, first: { ...FIRST, endsInSync: false } });

    exchange.bytesReceived(1_001);
    exchange.connectionEnded();

    expect(await exchange.done).toEqual({ kind: "too-many-bytes" });
    expect(seen.cuts).toBe(1);
  });
});

describe("a server that says more than it was asked", () => {
  it("completes no statement twice", () => {
    let confirmed = 0;
    const { exchange, seen } = start({
      first: { ...FIRST, endsInSync: false },
      confirm: () => Promise.resolve((confirmed += 1)),
    });
    exchange.commandComplete("SELECT 0");
    expect(seen.cuts).toBe(0);

    exchange.commandComplete("SELECT 0");

    expect(seen.cuts).toBe(1);
    expect(confirmed).toBe(1);
  });

  it("makes types be looked up once", () => {
    let asked = 0;
    const describing = [{ index: 0, prepared: unnamedStatement("t") }];
    const { exchange, seen } = start({
      first: { ...FIRST, commands: [], describing, until: 0, endsInSync: false },
      next: () => {
        asked += 1;
        return new Promise(() => undefined);
      },
    });
    exchange.parameterDescription([50_000]);
    expect(seen.cuts).toBe(0);

    exchange.parameterDescription([50_000]);

    expect(seen.cuts).toBe(1);
    expect(asked).toBe(1);
  });

  it("sends no more rows than were asked for", async () => {
    const { exchange } = start({ maxRows: 2 });
    exchange.rowDescription([]);
    for (let count = 0; count < 4; count += 1) exchange.dataRow(ROW);
    exchange.readyForQuery("I");

    expect(await exchange.done).toMatchObject({ kind: "too-many-rows", statement: 0 });
  });
});
