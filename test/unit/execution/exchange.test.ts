import pg from "pg";
import { expect, it } from "vitest";
import { Exchange } from "../../../src/execution/exchange.ts";

it("cuts a connection on which the server says farewell in one breath with the end of an answer", async () => {
  let isCut = false;
  const host = { write: () => true, cut: () => void (isCut = true), isReady: () => undefined };
  const first = { request: Buffer.alloc(0), until: 1, parsing: [], describing: [], endsInSync: true };
  const exchange = new Exchange({ first, fixedCount: 0, statementCount: 1, maxBytes: 1_000, maxRows: 10 }, host);
  const farewell = Object.assign(new pg.DatabaseError("terminating connection", 0, "error"), { code: "57P01" });
  exchange.submit();
  exchange.commandComplete("SELECT 0");
  exchange.readyForQuery("I");
  expect(isCut).toBe(false);

  exchange.serverError(farewell);

  expect(isCut).toBe(true);
  expect(await exchange.done).toMatchObject({ kind: "completed" });
});
