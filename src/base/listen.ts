import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Place {
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  readonly portSetting: "POSTGATE_PORT" | "POSTGATE_OPS_PORT";
}

/**
 * Starts to listen and returns the URL under which this machine reaches the server.
 *
 * @throws Error when it cannot listen. The message is one line and names the setting to change.
 */
export async function listen(server: Server, place: Place): Promise<string> {
  const { host, port } = place;
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => reject(new Error(explain(cause, place), { cause }));
    server.once("error", fail);
    server.listen({ host, port }, () => {
      server.off("error", fail);
      resolve();
    });
  });
  const { port: boundPort } = server.address() as AddressInfo;
  return `http://${reachableHost(host)}:${boundPort}`;
}

function explain({ code, message }: NodeJS.ErrnoException, { host, port, portSetting }: Place): string {
  switch (code ?? "") {
    case "EADDRINUSE":
      return `Port ${port} on ${host} is in use already: stop what listens there, or set ${portSetting} to a free port`;
    case "EACCES":
      return `No permission to listen on port ${port} of ${host}: set ${portSetting} to a port above 1023`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EINVAL":
      return `Cannot listen on "${host}": set POSTGATE_HOST to an address of this machine, such as 127.0.0.1`;
    default:
      return `Cannot listen on ${host}, port ${port}: ${message} (settings POSTGATE_HOST, ${portSetting})`;
  }
}

function reachableHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
