// Starts a PostgreSQL server that accepts only TLS connections on TCP. The other servers of the test run listen on unix sockets, which
// have no TLS.

import { once } from "node:events";
import { chmod, chown, copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { initDataFolder } from "../../../src/embedded/init-data-folder.ts";
import { prepareBinaries } from "../../../src/embedded/prepare-binaries.ts";
import { listServerUsers, type ServerUser } from "../../../src/embedded/server-user.ts";
import { temporaryFolderFor } from "../../../src/embedded/socket-folder.ts";
import { spawnServerProgram } from "../../../src/embedded/spawn-server-program.ts";
import { connect } from "../../../src/postgres/connect.ts";
import type { ConnectionSettings } from "../../../src/postgres/connection-settings.ts";
import { freePort } from "../../support/free-port.ts";

export interface TlsServer {
  readonly port: number;
  /** The settings to connect as the superuser over a unix socket, without TLS. */
  readonly socket: ConnectionSettings;
  close(): Promise<void>;
}

/** Logins over TCP need TLS and a password by SCRAM. The server's certificate is for `localhost`. */
const HBA = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
const START_DEADLINE_MS = 60_000;

export async function startTlsServer(): Promise<TlsServer> {
  const user = listServerUsers()[0];
  // The next run's sweep finds a folder of this name if this run is killed.
  const folder = await mkdtemp(join(temporaryFolderFor(user), `postgate-test-${process.pid}-`));
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const dataFolder = await makeDataFolder(folder, user);
  const port = await freePort();
  const binaries = await prepareBinaries({ user, folder, majorVersion: undefined });
  const settings = {
    ...{ listen_addresses: "127.0.0.1", port: String(port), unix_socket_directories: dataFolder },
    ...{ ssl: "on", ssl_cert_file: "server.pem", ssl_key_file: "server-key.pem", fsync: "off" },
  };
  const server = spawnServerProgram({
    path: join(binaries.folder, "postgres"),
    args: ["-D", dataFolder, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    ...{ user, cwd: dataFolder, deathSignal: "INT" },
  });
  for (const output of [server.stdout, server.stderr]) output.resume(); // The output is not used, and must not block the server.
  const socket: ConnectionSettings = {
    ...{ host: dataFolder, port, user: "postgres", password: undefined, database: "postgres" },
    ...{ sslMode: "disable", sslRootCert: undefined },
  };
  await untilReady(socket);
  return {
    port,
    socket,
    async close() {
      server.kill("SIGINT");
      await once(server, "exit");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function makeDataFolder(folder: string, user: ServerUser | undefined): Promise<string> {
  const dataFolder = join(folder, "data");
  const binaries = await prepareBinaries({ user, folder, majorVersion: undefined });
  await initDataFolder({ binaries, user, dataFolder, sync: false });
  for (const name of ["server.pem", "server-key.pem"]) {
    await copyFile(new URL(`certificates/${name}`, import.meta.url), join(dataFolder, name));
    // PostgreSQL accepts only a key file that no other user can read.
    await chmod(join(dataFolder, name), 0o600);
    if (user !== undefined) await chown(join(dataFolder, name), user.uid, user.gid);
  }
  await writeFile(join(dataFolder, "pg_hba.conf"), HBA);
  return dataFolder;
}

async function untilReady(socket: ConnectionSettings): Promise<void> {
  const deadline = performance.now() + START_DEADLINE_MS;
  for (;;) {
    const failure = await connect(socket).then(
      (client) => client.end(),
      (error: unknown) => error,
    );
    if (failure === undefined) return;
    if (performance.now() > deadline) throw failure as Error;
    await delay(50);
  }
}
