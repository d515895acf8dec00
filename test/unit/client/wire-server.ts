// A small HTTP server for the client's tests. It uses real sockets, sends the answers that a test sets, and keeps the requests.

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
  /** True to cut the connection after half of the body. */
  readonly isCut?: boolean;
  /** True to send no answer at all. */
  readonly isSilent?: boolean;
}

export interface WireServer {
  readonly url: string;
  readonly received: ReceivedRequest[];
  /** Sets the answers of the next requests, in this order. The last one also answers all later requests. */
  answerWith(...answers: readonly [Answer, ...Answer[]]): void;
  close(): Promise<void>;
}

export async function startWireServer(): Promise<WireServer> {
  const received: ReceivedRequest[] = [];
  let answers: readonly [Answer, ...Answer[]] = [{ body: '{"rows":[],"row_count":0}' }];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      const [answer, ...others] = answers;
      const [next, ...rest] = others;
      if (next !== undefined) answers = [next, ...rest];
      received.push({ method: request.method, path: request.url, headers: request.headers, body });
      if (answer.isSilent === true) return undefined;
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
    answerWith: (...next) => {
      answers = next;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
