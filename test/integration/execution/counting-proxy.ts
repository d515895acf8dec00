// A proxy before PostgreSQL that counts round trips: how often the direction turns from client to server.

import { once } from "node:events";
import { createServer, connect as connectSocket, type Server, type Socket } from "node:net";
import type { ConnectionSettings } from "../../../src/postgres/connection-settings.ts";

export interface CountingProxy {
  readonly connection: ConnectionSettings;
  /** Turns from answers to requests since the last call. */
  takeRoundTrips(): number;
  /** Pieces that the client has written since the last call. */
  takeWrites(): number;
  close(): Promise<void>;
}

export async function startCountingProxy(target: ConnectionSettings): Promise<CountingProxy> {
  let roundTrips = 0;
  let writes = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connectSocket(`${target.host}/.s.PGSQL.${target.port}`);
    let isAsking = false;
    client.on("data", (chunk) => {
      writes += 1;
      if (!isAsking) roundTrips += 1;
      isAsking = true;
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      isAsking = false;
      client.write(chunk);
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("close", () => other.destroy());
      socket.on("error", () => other.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    connection: { ...target, host: "127.0.0.1", port },
    takeRoundTrips: () => {
      const taken = roundTrips;
      roundTrips = 0;
      return taken;
    },
    takeWrites: () => {
      const taken = writes;
      writes = 0;
      return taken;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
