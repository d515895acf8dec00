import { expect, it } from "vitest";
import { examineServer } from "../../../src/doctor/examine-server.ts";
import { startOwnServer } from "../../faults/own-server.ts";

it("doctor names the size of the lock table, what a full one does to others, and the value that is enough", async () => {
  const server = await startOwnServer();
  const examine = async () => {
    const client = await server.connect();
    try {
      return (await examineServer(client)).find(({ wall }) => wall.startsWith("room for locks"));
    } finally {
      await client.end();
    }
  };

  const small = await examine();
  // max_connections is 60 on this server, and PostgreSQL's default is 64 locks for each.
  expect(small).toMatchObject({ wall: "room for locks (max_locks_per_transaction = 64)", state: "weaker" });
  expect(small?.why).toMatch(/^all sessions together can hold some 3840 locks; .*no connection can be opened$/);
  expect(small?.raise).toBe("ALTER SYSTEM SET max_locks_per_transaction = 1667, then restart PostgreSQL");

  await server.query(String(small?.raise).split(",")[0] ?? "");
  await server.kill();
  await server.start();

  expect(await examine()).toMatchObject({
    wall: "room for locks (max_locks_per_transaction = 1667)",
    state: "standing",
  });
});
