// The ops listener: /ready and /metrics on a port of their own. It is off until it is configured, because it has no authentication.
// Expose it only to your own network.

import { createServer, type ServerResponse } from "node:http";
import { listen } from "../base/listen.ts";

export interface OpsPages {
  /** The reason why the gateway cannot take requests now, or undefined when it can. */
  readonly findUnreadiness: () => Promise<string | undefined>;
  readonly writeMetrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface OpsServer {
  listen(host: string, port: number): Promise<string>;
  close(): Promise<void>;
}

export function createOpsServer({ findUnreadiness, writeMetrics }: OpsPages): OpsServer {
  const pages: Readonly<Record<string, (response: ServerResponse) => Promise<void>>> = {
    async "/ready"(response) {
      const reason = await findUnreadiness();
      const body = reason === undefined ? { status: "ready" } : { status: "not ready", reason };
      response.writeHead(reason === undefined ? 200 : 503, { "content-type": "application/json; charset=utf-8" });
      response.end(JSON.stringify(body));
    },
    async "/metrics"(response) {
      const { contentType, text } = await writeMetrics();
      response.writeHead(200, { "content-type": contentType }).end(text);
    },
  };
  const server = createServer((request, response) => {
    const page = pages[request.url?.split("?")[0] ?? ""];
    if (page === undefined) response.writeHead(404).end();
    else if (request.method !== "GET") response.writeHead(405, { allow: "GET" }).end();
    else page(response).catch(() => response.destroy());
  });
  return {
    listen: (host, port) => listen(server, { host, port, portSetting: "POSTGATE_OPS_PORT" }),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
