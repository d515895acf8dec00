import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * Starts to listen and gives the URL under which this machine reaches the server.
 *
 * @throws Error whose message is one line and names the setting to change.
 */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => reject(new Error(explain(cause, host, port), { cause }));
    server.once("error", fail);
    server.listen({ host, port }, () => {
      server.off("error", fail);
      resolve();
    });
  });
  const { port: boundPort } = server.address() as AddressInfo;
  return `http://${reachableHost(host)}:${boundPort}`;
}

function explain({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  switch (code ?? "") {
    case "EADDRINUSE":
      return `Port ${port} on ${host} is in use already: stop what listens there, or set POSTGATE_PORT to a free port`;
    case "EACCES":
      return `No permission to listen on port ${port} of ${host}: set POSTGATE_PORT to a port above 1023`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EINVAL":
      return `Cannot listen on "${host}": set POSTGATE_HOST to an address of this machine, such as 127.0.0.1`;
    default:
      return `Cannot listen on ${host}, port ${port}: ${message} (settings POSTGATE_HOST, POSTGATE_PORT)`;
  }
}

function reachableHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
