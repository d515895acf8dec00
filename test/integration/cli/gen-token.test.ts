import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { genToken } from "../../../src/cli/gen-token.ts";
import { withClient } from "../../../src/cli/with-database.ts";
import type { DatabaseId } from "../../../src/tenants/tenant.ts";
import { createTestDatabase, type TestDatabase } from "../../support/cluster.ts";

/** An operator's own tables behind views with triggers, which support no ON CONFLICT and have no defaults. */
const VIEWS = `
create table projects (id uuid primary key, title text);
create table keys (
  id uuid primary key default gen_random_uuid(), project uuid references projects, label text, hash text, prefix text,
  rights text[], unique (project, label));
create view postgate_databases as
  select id, title::varchar(100) as name, 'schema'::varchar(20) as backend_type, null::varchar(100) as schema_name,
         null::text as connection_string, 1000 as max_rows, now() as created_at from projects;
create view postgate_tokens as
  select id, project as database_id, label as name, hash as token_hash, prefix as token_prefix,
         rights as allowed_operations, now() as created_at, null::timestamptz as last_used_at from keys;
create function change_key() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then delete from keys where id = old.id; return old; end if;
  insert into keys (project, label, hash, prefix, rights)
    values (new.database_id, new.name, new.token_hash, new.token_prefix, new.allowed_operations);
  return new;
end $$;
create trigger change_key instead of insert or delete on postgate_tokens for each row execute function change_key();
insert into projects values ('11111111-1111-4111-8111-111111111111', 'one');`;

describe("gen-token when the metadata tables are views", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    await database.query(VIEWS);
  });
  afterAll(() => database.close());

  it("replaces the token of the same name and leaves the other tokens", async () => {
    const printed: string[] = [];
    const terminal = { print: (line: string) => printed.push(line), note: () => undefined };
    const databaseId = "11111111-1111-4111-8111-111111111111" as DatabaseId;

    await withClient(database.connection, async (client) => {
      for (const name of ["ci", "default", "ci"])
        await genToken(client, terminal, { databaseId, name, permissions: ["SELECT"] });
    });

    const hashOf = async (token: string | undefined): Promise<unknown> =>
      (await database.query("select encode(sha256($1), 'hex') as hash", [Buffer.from(token ?? "")]))[0];
    expect(await database.query("select label, hash, prefix, rights from keys order by label")).toEqual([
      { label: "ci", ...Object(await hashOf(printed[2])), prefix: printed[2]?.slice(0, 8), rights: ["SELECT"] },
      { label: "default", ...Object(await hashOf(printed[1])), prefix: printed[1]?.slice(0, 8), rights: ["SELECT"] },
    ]);
  });
});

describe("genToken on a connection that is lost", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    await database.query(VIEWS);
    await database.query(
      "create or replace function change_key() returns trigger language plpgsql as $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$",
    );
  });
  afterAll(() => database.close());

  it("fails with PostgreSQL's own words, not with those of the rollback", async () => {
    const terminal = { print: () => undefined, note: () => undefined };
    const databaseId = "11111111-1111-4111-8111-111111111111" as DatabaseId;
    const request = { databaseId, name: "default", permissions: [] };
    const failing = withClient(database.connection, (client) => genToken(client, terminal, request));
    await expect(failing).rejects.toThrow("terminating connection due to administrator command");
  });
});
