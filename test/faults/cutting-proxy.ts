// Runs a proxy in front of PostgreSQL that resets a connection (TCP RST) in the middle of an answer, at a chosen byte.

import { once } from "node:events";
import { connect as connectSocket, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export interface Cut {
  /** Only connections of logins with a matching name are cut. */
  readonly login: RegExp;
  /** The number of answer bytes that pass after the cut is asked for. */
  readonly afterBytes: number;
}

export interface CuttingProxy {
  /** The DATABASE_URL that leads through the proxy. */
  readonly url: string;
  /** Sets the target of new connections. The first target is the one with which the proxy was started. */
  leadTo(socketFolder: string): void;
  /** Resets the next connection that passes the byte, and resolves after that. Replaces a cut that has not happened yet. */
  cut(cut: Cut): Promise<void>;
  /** Counts the answer bytes of matching logins while `send` runs. */
  countBytes(login: RegExp, send: () => Promise<unknown>): Promise<number>;
  /** Resets every connection. */
  resetAll(): void;
}

export async function startCuttingProxy(socketFolder: string): Promise<CuttingProxy> {
  const clients = new Set<Socket>();
  let target = socketFolder;
  let pending: (Cut & { passed: number; readonly happened: () => void }) | undefined;

  /** Forwards the bytes that may pass, and resets the connection when some may not. */
  function pass(client: Socket, login: string, chunk: Buffer): void {
    if (pending?.login.test(login) !== true) return void client.write(chunk);
    const left = pending.afterBytes - pending.passed;
    pending.passed += chunk.length;
    if (chunk.length <= left) return void client.write(chunk);
    const { happened } = pending;
    pending = undefined;
    client.write(chunk.subarray(0, left), () => {
      client.resetAndDestroy();
      happened();
    });
  }

  const server = createServer((client) => {
    const upstream = connectSocket(`${target}/.s.PGSQL.5432`);
    let login = "";
    clients.add(client);
    client.once("data", (startup: Buffer) => (login = /user\0([^\0]*)/.exec(startup.toString("latin1"))?.[1] ?? ""));
    client.on("data", (chunk: Buffer) => upstream.write(chunk));
    client.on("end", () => upstream.end());
    upstream.on("data", (chunk: Buffer) => pass(client, login, chunk));
    upstream.on("end", () => client.end());
    client.on("error", () => client.destroy());
    upstream.on("error", () => client.destroy());
    client.on("close", () => {
      clients.delete(client);
      upstream.destroy();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  onTestFinished(async () => {
    for (const client of clients) client.destroy();
    server.close();
    await once(server, "close");
  });

  const cut = (wanted: Cut): Promise<void> => new Promise((happened) => (pending = { ...wanted, passed: 0, happened }));
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres?sslmode=disable`,
    leadTo: (folder) => void (target = folder),
    cut,
    async countBytes(login, send) {
      void cut({ login, afterBytes: Number.POSITIVE_INFINITY });
      const counted = pending;
      await send();
      pending = undefined;
      return counted?.passed ?? 0;
    },
    resetAll() {
      for (const client of clients) client.resetAndDestroy();
    },
  };
}
