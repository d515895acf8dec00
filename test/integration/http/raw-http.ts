import { connect, type Socket } from "node:net";

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Opens a plain socket to the server at `url`, for requests that no HTTP client would send. */
export function openSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Sends the text unchanged. Returns the answers that arrive until the server closes the connection or `count` have arrived. */
export async function exchange(url: string, text: string | Buffer, count = 1): Promise<RawAnswer[]> {
  const socket = await openSocket(url);
  socket.write(text);
  try {
    return await readAnswers(socket, count);
  } finally {
    socket.destroy();
  }
}

export function readAnswers(socket: Socket, count: number): Promise<RawAnswer[]> {
  return new Promise((resolve) => {
    let received = "";
    const finish = (): void => resolve(parseAnswers(received));
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      if (parseAnswers(received).length >= count) finish();
    });
    socket.on("error", finish).on("close", finish);
  });
}

function parseAnswers(received: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = received;
  for (;;) {
    const headEnd = rest.indexOf("\r\n\r\n");
    if (headEnd < 0) return answers;
    const [statusLine = "", ...headerLines] = rest.slice(0, headEnd).split("\r\n");
    const headers = Object.fromEntries(
      headerLines.map((line): [string, string] => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const length = Number(headers["content-length"] ?? 0);
    const body = rest.slice(headEnd + 4, headEnd + 4 + length);
    if (body.length < length) return answers;
    answers.push({ status: Number(statusLine.split(" ")[1]), headers, body: body === "" ? "" : JSON.parse(body) });
    rest = rest.slice(headEnd + 4 + length);
  }
}
