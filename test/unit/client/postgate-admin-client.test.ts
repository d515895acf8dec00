import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PostgateAdminClient, PostgateClient } from "../../../src/client/index.ts";
import { startWireServer, type WireServer } from "./wire-server.ts";

const ID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";

let server: WireServer;
let admin: PostgateAdminClient;

beforeAll(async () => {
  server = await startWireServer();
  admin = new PostgateAdminClient(server.url, "pg_1");
  return () => server.close();
});

beforeEach(() => {
  server.received.length = 0;
});

const calls: [string, () => Promise<unknown>, string, unknown[]][] = [
  [
    "createDatabase with 1000 rows",
    () => admin.createDatabase("acme"),
    "SELECT * FROM create_tenant_database($1, $2)",
    ["acme", 1000],
  ],
  [
    "createDatabase with a limit of its own",
    () => admin.createDatabase("acme", 5),
    "SELECT * FROM create_tenant_database($1, $2)",
    ["acme", 5],
  ],
  ["deleteDatabase", () => admin.deleteDatabase(ID), "SELECT delete_tenant_database($1)", [ID]],
  [
    "createToken with the four DML permissions",
    () => admin.createToken(ID),
    "SELECT * FROM create_tenant_token($1, $2, $3)",
    [ID, "default", ["SELECT", "INSERT", "UPDATE", "DELETE"]],
  ],
  [
    "createToken with a name and permissions",
    () => admin.createToken(ID, "reader", ["SELECT"]),
    "SELECT * FROM create_tenant_token($1, $2, $3)",
    [ID, "reader", ["SELECT"]],
  ],
  [
    "createToken with an end",
    () => admin.createToken(ID, "ci", ["SELECT"], { expiresIn: "30 days" }),
    "SELECT * FROM create_tenant_token($1, $2, $3, $4)",
    [ID, "ci", ["SELECT"], "30 days"],
  ],
  [
    "rotateToken without an overlap",
    () => admin.rotateToken(ID),
    "SELECT * FROM rotate_tenant_token($1, $2)",
    [ID, "0"],
  ],
  [
    "rotateToken with an overlap",
    () => admin.rotateToken(ID, "1 hour"),
    "SELECT * FROM rotate_tenant_token($1, $2)",
    [ID, "1 hour"],
  ],
  ["deleteToken", () => admin.deleteToken(ID), "SELECT delete_tenant_token($1)", [ID]],
];

describe("PostgateAdminClient", () => {
  it.each(calls)("%s sends one call of the SQL function", async (_name, call, ...[sql, params]) => {
    const body = '{"rows":[{"id":"1"}],"row_count":1}';
    server.answerWith({ body });
    expect(await call()).toEqual(JSON.parse(body));
    expect(server.received.map((request) => JSON.parse(request.body) as unknown)).toEqual([{ sql, params }]);
  });

  it("is a subclass of PostgateClient", () => {
    expect(admin).toBeInstanceOf(PostgateClient);
  });
});
