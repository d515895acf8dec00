import { describe, expect, it } from "vitest";
import { examineServer } from "../../../src/doctor/examine-server.ts";
import type { WallReport } from "../../../src/doctor/wall-report.ts";
import { connect } from "../../../src/postgres/connect.ts";
import { type ConnectionSettings, parseConnectionUrl } from "../../../src/postgres/connection-settings.ts";
import { startOwnServer } from "../../faults/own-server.ts";
import { clusterConnection, hasCluster } from "../../support/cluster.ts";
import { EVERY_VERSION, useCluster } from "../../support/use-cluster.ts";

async function examine(connection: ConnectionSettings, wall: string): Promise<WallReport | undefined> {
  const client = await connect(connection);
  try {
    return (await examineServer(client)).find((report) => report.wall.startsWith(wall));
  } finally {
    await client.end();
  }
}

it("doctor reports the size of the lock table, the harm that a full one does to others, and the value that is enough", async () => {
  const server = await startOwnServer();
  const connection = parseConnectionUrl(server.url);

  const small = await examine(connection, "room for locks");
  // max_connections is 60 on this server, and PostgreSQL's default is 64 locks for each.
  expect(small).toMatchObject({ wall: "room for locks (max_locks_per_transaction = 64)", state: "weaker" });
  expect(small?.why).toMatch(/^all sessions together can hold some 3840 locks; .*no connection can be opened$/);
  expect(small?.raise).toBe("ALTER SYSTEM SET max_locks_per_transaction = 1667, then restart PostgreSQL");

  await server.query(String(small?.raise).split(",")[0] ?? "");
  await server.kill();
  await server.start();

  expect(await examine(connection, "room for locks")).toMatchObject({
    wall: "room for locks (max_locks_per_transaction = 1667)",
    state: "standing",
  });
});

describe.skipIf(process.platform !== "linux")("doctor on the memory of one statement", () => {
  describe.each(EVERY_VERSION.filter(hasCluster))("on PostgreSQL %i", (version) => {
    useCluster(version);

    it("shows the limit that the server's processes run with", async () => {
      expect(await examine(clusterConnection(version), "memory of one statement")).toMatchObject({
        wall: "memory of one statement (at most 1024 MB)",
        state: "standing",
      });
    });
  });

  it("says what to set if there is no limit, or if the login may not see it", async () => {
    const server = await startOwnServer();
    const superuser = parseConnectionUrl(server.url);
    await server.query("create role plain login");

    const seen = await examine(superuser, "memory of one statement");
    expect(seen).toMatchObject({ wall: "memory of one statement", state: "weaker" });
    expect(seen?.why).toBe("one statement can take all memory of the server, which then ends every session");
    expect(seen?.raise).toContain("LimitDATA=1G");
    const unseen = await examine({ ...superuser, user: "plain" }, "memory of one statement");
    expect(unseen?.why).toMatch(/^as far as this login can see, one statement can take all memory/);
  });
});
