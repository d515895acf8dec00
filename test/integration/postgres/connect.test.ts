import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { sendCancelRequest } from "../../../src/postgres/cancel-request.ts";
import { connect, ConnectionError, type ConnectOptions } from "../../../src/postgres/connect.ts";
import { parseConnectionUrl } from "../../../src/postgres/connection-settings.ts";
import { clusterConnection } from "../../support/cluster.ts";
import { AUTHORITY, openFront, OTHER_AUTHORITY, type Front, type Manners } from "./tls-front.ts";

const { host: folder, port: socketPort } = clusterConnection();
const behind = `${folder}/.s.PGSQL.${socketPort}`;

let front: Front | undefined;
let home: string | undefined;
afterEach(async () => {
  vi.unstubAllEnvs();
  await front?.close();
  front = undefined;
  if (home !== undefined) rmSync(home, { recursive: true });
  home = undefined;
});

async function openAndConnect(manners: Manners, query: string, options?: ConnectOptions): Promise<string> {
  front = await openFront(manners, behind);
  const host = query.includes("host=") ? "" : "localhost";
  const url = `postgres://postgres:hunter2@${host}:${front.port}/postgres?${query}`;
  const client = await connect(parseConnectionUrl(url), options);
  const { rows } = await client.query<{ answer: string }>("select 'it works' as answer");
  await client.end();
  return rows[0]?.answer ?? "";
}

describe("connect", () => {
  it.each<{ query: string; manners: Manners; logins: readonly string[] }>([
    { query: "", manners: "tls", logins: ["tls"] },
    { query: "", manners: "plain", logins: ["plain"] },
    { query: "", manners: "broken-tls", logins: ["plain"] },
    { query: "", manners: "tls-without-entry", logins: ["tls", "plain"] },
    { query: "sslmode=disable", manners: "tls", logins: ["plain"] },
    { query: "sslmode=require", manners: "tls", logins: ["tls"] },
    { query: `sslmode=require&sslrootcert=${AUTHORITY}`, manners: "tls", logins: ["tls"] },
    { query: `sslmode=require&sslrootcert=${AUTHORITY}&host=127.0.0.1`, manners: "tls", logins: ["tls"] },
    { query: `sslmode=verify-ca&sslrootcert=${AUTHORITY}&host=127.0.0.1`, manners: "tls", logins: ["tls"] },
    { query: `sslmode=verify-full&sslrootcert=${AUTHORITY}`, manners: "tls", logins: ["tls"] },
  ])("logs in by $logins with $query to a server of kind $manners", async ({ query, manners, logins }) => {
    await expect(openAndConnect(manners, query)).resolves.toBe("it works");

    expect(front?.logins).toEqual(logins);
  });

  it.each<{ query: string; manners: Manners; says: RegExp }>([
    { query: "sslmode=require", manners: "plain", says: /does not offer TLS, and sslmode=require asks for it/ },
    { query: `sslmode=verify-full&sslrootcert=${AUTHORITY}`, manners: "plain", says: /does not offer TLS/ },
    { query: "sslmode=require", manners: "broken-tls", says: /TLS with the server failed/ },
    { query: "sslmode=require", manners: "tls-without-entry", says: /no pg_hba.conf entry/ },
    { query: "sslmode=verify-full", manners: "tls", says: /unable to verify/ },
    { query: "sslrootcert=system", manners: "tls", says: /unable to verify/ },
    { query: "sslmode=verify-ca", manners: "tls", says: /sslmode=verify-ca needs sslrootcert/ },
    { query: `sslmode=require&sslrootcert=${OTHER_AUTHORITY}`, manners: "tls", says: /unable to verify/ },
    { query: `sslmode=verify-ca&sslrootcert=${OTHER_AUTHORITY}`, manners: "tls", says: /unable to verify/ },
    { query: `sslmode=verify-full&sslrootcert=${AUTHORITY}&host=127.0.0.1`, manners: "tls", says: /does not match/ },
    { query: "sslmode=verify-ca&sslrootcert=/nowhere.pem", manners: "tls", says: /sslrootcert cannot be read/ },
    { query: "", manners: "http", says: /malformed/ },
    { query: "", manners: "stuffed", says: /malformed/ },
    { query: "", manners: "closes", says: /closed the connection without an answer/ },
    { query: "sslmode=require&channel_binding=require", manners: "tls", says: /offers no channel binding/ },
  ])("fails with $query to a server of kind $manners: $says", async ({ query, manners, says }) => {
    const failure = openAndConnect(manners, query);

    await expect(failure).rejects.toThrow(says);
    await expect(failure).rejects.not.toThrow("hunter2");
    await expect(failure).rejects.toBeInstanceOf(ConnectionError);
  });

  it("trusts libpq's default file of certificates", async () => {
    home = mkdtempSync(join(tmpdir(), "home-"));
    mkdirSync(join(home, ".postgresql"));
    copyFileSync(OTHER_AUTHORITY, join(home, ".postgresql", "root.crt"));
    vi.stubEnv("HOME", home);

    await expect(openAndConnect("tls", "sslmode=require")).rejects.toThrow(/unable to verify/);
  });

  it("reads nothing from the PG* environment variables", async () => {
    for (const name of ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGSSLMODE", "PGREPLICATION", "PGSSLNEGOTIATION"])
      vi.stubEnv(name, "direct");
    vi.stubEnv("PGOPTIONS", "-c geqo=off");
    vi.stubEnv("PGAPPNAME", "someone");
    vi.stubEnv("PGCLIENT_ENCODING", "LATIN1");
    const client = await connect(clusterConnection(), { startupOptions: { TimeZone: "Asia/Tokyo" } });

    const { rows } = await client.query(
      `select current_setting('geqo') as geqo, current_setting('application_name') as name,
              current_setting('client_encoding') as encoding, current_setting('TimeZone') as zone`,
    );
    await client.end();

    expect(rows).toEqual([{ geqo: "on", name: "postgate", encoding: "UTF8", zone: "Asia/Tokyo" }]);
  });

  it("sends the options and the application name of the URL", async () => {
    const url = `postgres://postgres@/postgres?host=${folder}&application_name=mine&options=-c%20geqo%3Doff`;
    const client = await connect(parseConnectionUrl(url));

    const { rows } = await client.query("select current_setting('geqo') || current_setting('application_name') as all");
    await client.end();

    expect(rows).toEqual([{ all: "offmine" }]);
  });

  it("uses only the URL's password, and none from ~/.pgpass or PGPASSWORD", async () => {
    home = mkdtempSync(join(tmpdir(), "home-"));
    writeFileSync(join(home, ".pgpass"), "*:*:*:*:from-the-file", { mode: 0o600 });
    vi.stubEnv("HOME", home);
    vi.stubEnv("PGPASSFILE", join(home, ".pgpass"));
    vi.stubEnv("PGPASSWORD", "from-the-environment");
    front = await openFront("asks-password", behind);
    const url = `localhost:${front.port}/postgres?sslmode=disable`;

    await expect(connect(parseConnectionUrl(`postgres://app@${url}`))).rejects.toThrow(
      "the server asks for a password, and none is given",
    );
    await expect(connect(parseConnectionUrl(`postgres://app:own@${url}`))).rejects.toMatchObject({ sqlstate: "28P01" });
    expect(front.passwords).toEqual(["own"]);
  });

  it("sends no password before a required channel binding", async () => {
    front = await openFront("asks-password", behind);
    const url = `postgres://app:own@localhost:${front.port}/postgres?sslmode=disable&channel_binding=require`;

    await expect(connect(parseConnectionUrl(url))).rejects.toThrow("offers no channel binding");
    expect(front.passwords).toEqual([]);
  });

  it("fails when a server does not answer within the timeout", async () => {
    await expect(openAndConnect("silent", "", { connectTimeoutMs: 50 })).rejects.toThrow("no answer within 0.05 s");
  });

  it("stops when its signal is aborted, with the signal's reason", async () => {
    const stop = new AbortController();
    const failure = openAndConnect("silent", "", { signal: stop.signal });
    stop.abort(new Error("enough"));

    await expect(failure).rejects.toThrow(/^enough$/);
  });

  it("names the place and the reason when no server listens", async () => {
    front = await openFront("tls", behind);
    const { port } = front;
    await front.close();
    front = undefined;

    await expect(connect(parseConnectionUrl(`postgres://app:hunter2@localhost:${port}/shop`))).rejects.toThrow(
      new RegExp(`^cannot connect to database "shop" on localhost:${port} as "app": .*ECONNREFUSED`),
    );
  });

  it("reports the SQLSTATE of the server's refusal", async () => {
    await expect(connect(clusterConnection(18, "no_such_database"))).rejects.toMatchObject({ sqlstate: "3D000" });
  });
});

describe("sendCancelRequest", () => {
  it.each(["disable", "require"] as const)("interrupts the running statement with sslmode=%s", async (sslMode) => {
    front = await openFront("tls", behind);
    const settings = parseConnectionUrl(`postgres://postgres@localhost:${front.port}/postgres?sslmode=${sslMode}`);
    const client = await connect(settings);
    const { processID: processId, secretKey } = client as unknown as { processID: number; secretKey: number };

    const started = once(client, "notice");
    const running = client.query("do $$ begin raise notice 'started'; perform pg_sleep(60); end $$");
    const outcome = expect(running).rejects.toMatchObject({ code: "57014" });
    await started;
    await sendCancelRequest(settings, { processId, secretKey }, AbortSignal.timeout(10_000));
    await outcome;
    await client.end();

    expect(front.logins).toEqual(sslMode === "require" ? ["tls", "tls"] : ["plain", "plain"]);
  });
});
