// A proxy before PostgreSQL that sees, and may swallow, what passes: a server that has frozen, an answer that was lost.

import { once } from "node:events";
import { createServer, connect as connectSocket, type Socket } from "node:net";
import type { ConnectionSettings } from "../../../src/postgres/connection-settings.ts";

export interface Traffic {
  /** False swallows the piece. Who swallows a request does not tell the server that its client has gone, either. */
  readonly passesRequest?: (chunk: Buffer) => boolean;
  readonly passesAnswer?: (chunk: Buffer) => boolean;
}

export interface Proxy {
  readonly connection: ConnectionSettings;
  close(): Promise<void>;
}

const FAREWELL = Buffer.alloc(0);

export async function startProxy(target: ConnectionSettings, traffic: Traffic): Promise<Proxy> {
  const { passesRequest = () => true, passesAnswer = () => true } = traffic;
  const clients = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connectSocket({ path: `${target.host}/.s.PGSQL.${target.port}`, allowHalfOpen: true });
    clients.add(client);
    client.on("data", (chunk: Buffer) => passesRequest(chunk) && upstream.write(chunk));
    client.on("end", () => passesRequest(FAREWELL) && upstream.end());
    upstream.on("data", (chunk: Buffer) => passesAnswer(chunk) && client.write(chunk));
    upstream.on("end", () => passesAnswer(FAREWELL) && client.end());
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
  return {
    connection: { ...target, host: "127.0.0.1", port, sslMode: "disable" },
    close: async () => {
      for (const client of clients) client.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
