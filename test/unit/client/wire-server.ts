// A small HTTP server for the client's tests: real sockets, answers as the test says, requests kept.

import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

interface ReceivedRequest {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: string;
  /** Cut the connection after half of the body. */
  readonly isCut?: boolean;
}

export interface WireServer {
  readonly url: string;
  readonly received: ReceivedRequest[];
  /** What every further request is answered. */
  answerWith(answer: Answer): void;
  close(): Promise<void>;
}

export async function startWireServer(): Promise<WireServer> {
  const received: ReceivedRequest[] = [];
  let answer: Answer = { body: '{"rows":[],"row_count":0}' };
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      received.push({ method: request.method, path: request.url, headers: request.headers, body });
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(answer.body) };
      response.writeHead(answer.status ?? 200, { ...headers, ...answer.headers });
      if (answer.isCut !== true) return response.end(answer.body);
      return response.write(answer.body.slice(0, answer.body.length / 2), () => response.destroy());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answerWith: (next) => {
      answer = next;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
