// Attacks the embedded PostgreSQL with an admin token: it creates dedicated databases whose connection string names the server's own
// socket.

import { describe, expect, it } from "vitest";
import { makeFolder } from "../integration/embedded/data-dirs.ts";
import { startCli, useBuiltCli } from "../support/cli.ts";
import { post } from "../support/gateway.ts";

useBuiltCli();

const INSERT_SQL =
  "insert into postgate_databases (name, backend_type, connection_string) values ('x', 'dedicated', $1) returning id";
const OPTIONS = "options=-csearch_path%3Dpostgate_private";
/** Spellings of the socket's folder, as the gateway's process sees it. */
const foldersOf = (dataDir: string): readonly string[] => [
  "/proc/self/cwd/.postgate/socket",
  `${dataDir}/socket`,
  `/proc/self/root${dataDir}/socket`,
  `${dataDir}/data/../socket`,
];

describe("the embedded PostgreSQL behind an admin token", { timeout: 120_000 }, () => {
  it("admits no connection string that names its socket, neither as the superuser nor as one of Postgate's logins", async () => {
    const cwd = await makeFolder();
    const server = startCli([], { cwd, env: { POSTGATE_PORT: "0" } });
    const [admin] = await server.until("stdout", /pg_[0-9a-f]{64}/);
    const [, url = ""] = await server.until("stdout", /ready at (\S+)/);
    const ask = (token: string, sql: string, params: unknown[] = []) => post(url, token, { sql, params });
    // The database "postgres" has the OID 5 in every server, and the logins' names contain it.
    const logins = ["postgres", "postgres:postgres", "postgate_auth_5", "postgate_exec_5:postgate_exec_5"];

    for (const folder of foldersOf(`${cwd}/.postgate`))
      for (const login of logins) {
        const place = `postgres://${login}@${encodeURIComponent(folder)}/postgres?${OPTIONS}`;
        const made = await ask(admin, INSERT_SQL, [place]);
        if (made.status !== 200) continue; // Another wall has refused the connection string.
        const created = await ask(admin, "select token from create_tenant_token($1)", [made.body.rows[0].id]);
        const token = String(created.body.rows[0].token);
        for (const sql of ["select 1 as one", "select role_name, password from logins"]) {
          const answer = await ask(token, sql);
          expect([place, sql, answer.status]).toEqual([place, sql, 503]);
          expect(answer.text).not.toMatch(/[0-9a-f]{64}|SCRAM/);
        }
      }
  });
});
