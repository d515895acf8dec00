// Section 2 of the public contract: tokens.

import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEFAULT_PERMISSIONS, PERMISSIONS, type Permission } from "../../src/base/permissions.ts";
import { type Answer, post, startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";

/** The contract promises that changes show within one second. The tests wait five times as long. */
const DEADLINE_MS = 5_000;

let gateway: TestGateway;
let tenant: TestTenant;

beforeAll(async () => {
  gateway = await startTestGateway();
  tenant = await gateway.createTenant();
  await tenant.rows("create table notes (id int primary key, body text)");
});
afterAll(() => gateway.close());

async function eventually(ask: () => Promise<Answer>, isIt: (answer: Answer) => boolean): Promise<Answer> {
  const deadline = performance.now() + DEADLINE_MS;
  let answer = await ask();
  while (!isIt(answer) && performance.now() < deadline) answer = await ask();
  return answer;
}

describe("a token", () => {
  it("consists of pg_ and 64 lower-case hexadecimal digits", () => {
    expect(tenant.token).toMatch(/^pg_[0-9a-f]{64}$/);
  });

  it("is stored only as its hash and its first 8 characters", async () => {
    const hash = createHash("sha256").update(tenant.token).digest("hex");
    const rows = await gateway.database.query("select * from postgate_tokens where token_hash = $1", [hash]);
    expect(rows).toMatchObject([{ token_prefix: tenant.token.slice(0, 8), database_id: tenant.id }]);
    expect(JSON.stringify(rows)).not.toContain(tenant.token.slice(3));
  });
});

describe("a running instance", () => {
  it("refuses a token soon after it was deleted", async () => {
    const other = await tenant.withPermissions("SELECT");
    expect((await other.query("select 1")).status).toBe(200);
    const [row] = await gateway.database.query(
      "select id from postgate_tokens where token_hash = encode(sha256($1::bytea), 'hex')",
      [Buffer.from(other.token)],
    );
    const since = performance.now();
    await gateway.database.query("select delete_tenant_token($1)", [row?.id]);
    const answer = await eventually(
      () => other.query("select 1"),
      ({ status }) => status === 401,
    );
    expect(answer.body).toMatchObject({ code: "UNAUTHORIZED" });
    console.info(`a deleted token stopped working after ${Math.round(performance.now() - since)} ms`);
  });

  it("refuses a token soon after it has expired", async () => {
    const other = await tenant.withPermissions("SELECT");
    expect((await other.query("select 1")).status).toBe(200);
    await gateway.database.query(
      "update postgate_tokens set expires_at = now() where token_hash = encode(sha256($1::bytea), 'hex')",
      [Buffer.from(other.token)],
    );
    const answer = await eventually(
      () => other.query("select 1"),
      ({ status }) => status === 401,
    );
    expect(answer.body).toMatchObject({ code: "UNAUTHORIZED" });
  });

  it("applies a token's new permissions soon after they changed", async () => {
    const other = await tenant.withPermissions("SELECT");
    expect((await other.query("insert into notes (id) values (1)")).body).toMatchObject({
      reason: "OPERATION_NOT_ALLOWED",
    });
    await gateway.database.query(
      "update postgate_tokens set allowed_operations = '{SELECT,INSERT}' where token_hash = encode(sha256($1::bytea), 'hex')",
      [Buffer.from(other.token)],
    );
    const answer = await eventually(
      () => other.query("insert into notes (id) values (1)"),
      ({ status }) => status === 200,
    );
    expect(answer.status).toBe(200);
  });

  it("applies a database's new max_rows soon after it changed", async () => {
    const other = await gateway.createTenant({ maxRows: 1 });
    expect((await other.query("select generate_series(1, 2)")).body).toMatchObject({ code: "ROW_LIMIT_EXCEEDED" });
    await gateway.database.query("update postgate_databases set max_rows = 2 where id = $1", [other.id]);
    const answer = await eventually(
      () => other.query("select generate_series(1, 2)"),
      ({ status }) => status === 200,
    );
    expect(answer.status).toBe(200);
  });
});

describe("a rotated token", () => {
  it("works with both secrets during the overlap, and only with the new one afterwards", async () => {
    const { rows } = (
      await gateway.admin.query("select * from create_tenant_token($1, 'rotated', '{SELECT}', interval '1 day')", [
        tenant.id,
      ])
    ).body as { rows: { id: string; token: string }[] };
    const [made] = rows;
    const ask = (token: string): Promise<Answer> => post(gateway.url, token, { sql: "select 1" });
    expect((await ask(made?.token ?? "")).status).toBe(200);
    const rotated = await gateway.admin.query("select token from rotate_tenant_token($1, interval '1 hour')", [
      made?.id,
    ]);
    const { token } = (rotated.body as { rows: { token: string }[] }).rows[0] ?? { token: "" };
    expect([(await ask(made?.token ?? "")).status, (await ask(token)).status]).toEqual([200, 200]);
    await gateway.database.query("update postgate_tokens set expires_at = now() where successor_id = $1", [made?.id]);
    const answer = await eventually(
      () => ask(made?.token ?? ""),
      ({ status }) => status === 401,
    );
    expect([answer.status, (await ask(token)).status]).toEqual([401, 200]);
  });

  it.each(["SELECT", "INSERT", "DELETE"] as const)("cannot be made without the permission %s", async (permission) => {
    const admin = await gateway.tenantOf(
      gateway.admin.id,
      DEFAULT_PERMISSIONS.filter((other) => other !== permission),
    );
    expect(await admin.query("select rotate_tenant_token($1)", [tenant.id])).toMatchObject({
      status: 400,
      body: { reason: "OPERATION_NOT_ALLOWED" },
    });
  });
});

describe("last_used_at", () => {
  it("shows the first use of a token soon", async () => {
    const other = await tenant.withPermissions("SELECT");
    await other.query("select 1");
    const read = async (): Promise<unknown> => {
      const [row] = await gateway.database.query(
        "select last_used_at from postgate_tokens where token_hash = encode(sha256($1::bytea), 'hex')",
        [Buffer.from(other.token)],
      );
      return row?.last_used_at;
    };
    const deadline = performance.now() + 5 * 2_000;
    let shown = await read();
    while (shown === null && performance.now() < deadline) shown = await read();
    expect(shown).toBeInstanceOf(Date);
  });
});

describe("the permissions of a token", () => {
  it("are SELECT, INSERT, UPDATE and DELETE by default", async () => {
    const [row] = await gateway.database.query(
      "insert into postgate_tokens (database_id, name, token_hash, token_prefix) values ($1, 'd', repeat('0', 64), 'pg_00000') returning allowed_operations",
      [tenant.id],
    );
    expect(row?.allowed_operations).toEqual(DEFAULT_PERMISSIONS);
  });

  const statements: Record<Permission, string> = {
    SELECT: "select * from notes",
    INSERT: "insert into notes (id) values (77)",
    UPDATE: "update notes set body = 'x'",
    DELETE: "delete from notes",
    CREATE: "create table made (id int)",
    ALTER: "alter table notes add column extra int",
    DROP: "drop table if exists made",
  };

  it.each(PERMISSIONS)("include %s, which its statements need and which is enough for them", async (permission) => {
    const sql = statements[permission];
    const without = await tenant.withPermissions(...PERMISSIONS.filter((other) => other !== permission));
    expect(await without.query(sql)).toMatchObject({
      status: 400,
      body: { code: "PARSE_ERROR", reason: "OPERATION_NOT_ALLOWED" },
    });
    const only = await tenant.withPermissions(permission);
    expect((await only.query(sql)).status).toBe(200);
  });

  it("allow TRUNCATE only with DROP", async () => {
    expect((await (await tenant.withPermissions("DELETE")).query("truncate notes")).status).toBe(400);
    expect((await (await tenant.withPermissions("DROP")).query("truncate notes")).status).toBe(200);
  });

  it("allow no statement when they are empty", async () => {
    const nobody = await tenant.withPermissions("SELECT");
    await gateway.database.query(
      "update postgate_tokens set allowed_operations = '{}' where token_hash = encode(sha256($1::bytea), 'hex')",
      [Buffer.from(nobody.token)],
    );
    for (const sql of Object.values(statements)) {
      const answer = await eventually(
        () => nobody.query(sql),
        ({ status }) => status === 400,
      );
      expect(answer.body).toMatchObject({ reason: "OPERATION_NOT_ALLOWED" });
    }
  });
});
