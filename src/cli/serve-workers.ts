// Serves one port with several worker processes. This first process starts them, replaces a worker that ends, and stops them in
// order. It also owns the embedded PostgreSQL, of which there may be only one. Each worker is an ordinary gateway that knows nothing
// of the others.

import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../config/load-config.ts";
import { startEmbedded } from "../embedded/start-embedded.ts";
import { createLog } from "../observability/log.ts";
import type { Observe } from "../observability/observation.ts";
import type { ConnectionSettings } from "../postgres/connection-settings.ts";
import { CommandError, describeError } from "./failure.ts";
import { greetOnFirstStart } from "./first-start.ts";
import type { CommandContext } from "./terminal.ts";
import { untilAborted, withClient } from "./with-database.ts";

/** The delay limits the cost of a worker that cannot start. */
const REPLACE_AFTER_MS = 1_000;

/** Serves until `signal` is aborted, and then lets every worker close in order. */
export async function serveWithWorkers(config: Config, context: CommandContext): Promise<void> {
  const { signal } = context;
  const observe = createLog({ level: config.logLevel });
  const { database } = config;
  const embedded = database.kind === "embedded" ? await startEmbedded(database) : undefined;
  const workers = startWorkers(config, embedded?.connection, observe);
  try {
    const { address, port } = await untilAborted(signal, workers.listening);
    if (embedded !== undefined && database.kind === "embedded")
      await withClient(embedded.connection, (client) =>
        greetOnFirstStart(client, context.terminal, { url: `http://${address}:${port}`, dataDir: database.dataDir }),
      );
    const exited = embedded?.exited ?? new Promise<never>(() => undefined);
    await untilAborted(signal, exited);
    throw new CommandError("the embedded PostgreSQL has ended by itself: start Postgate again");
  } catch (error) {
    if (!signal.aborted) throw error;
    observe({ kind: "stopping", reason: describeError(signal.reason) });
  } finally {
    await workers.stop();
    await embedded?.stop();
  }
}

interface Workers {
  /** Resolves with the address of the first worker that listens. Rejects when a worker ends before any worker listens. */
  readonly listening: Promise<AddressInfo>;
  stop(): Promise<void>;
}

function startWorkers(config: Config, embedded: ConnectionSettings | undefined, observe: Observe): Workers {
  const running = new Set<Worker>();
  let isStopping = false;
  let hasListened = false;
  let settle!: { readonly resolve: (address: AddressInfo) => void; readonly reject: (error: Error) => void };
  const listening = new Promise<AddressInfo>((resolve, reject) => (settle = { resolve, reject }));

  function start(index: number): void {
    const worker = cluster.fork(environmentOf(index, config, embedded));
    running.add(worker);
    worker.once("listening", (address: AddressInfo) => {
      hasListened = true;
      settle.resolve(address);
    });
    worker.once("exit", (code: number | null, killedBy: string | null) => {
      running.delete(worker);
      if (isStopping) return;
      if (!hasListened) settle.reject(new CommandError("a worker could not start: its reason is above"));
      observe({
        kind: "warning",
        message: `worker ${index} has ended (${killedBy ?? `exit code ${code ?? ""}`}) and is replaced`,
      });
      void delay(REPLACE_AFTER_MS, undefined, { ref: false }).then(() => {
        if (!isStopping) start(index);
      });
    });
  }

  for (let index = 0; index < config.workers; index++) start(index);
  return {
    listening,
    async stop() {
      isStopping = true;
      await Promise.all([...running].map(stopWorker));
    },
  };
}

async function stopWorker(worker: Worker): Promise<void> {
  const exited = once(worker, "exit");
  worker.process.kill("SIGTERM");
  await exited;
}

/** Returns the settings that a worker has in place of this process's own. All workers together have the pool size of one process. */
function environmentOf(
  index: number,
  { workers, poolSize, opsPort }: Config,
  embedded: ConnectionSettings | undefined,
): Record<string, string> {
  return {
    POSTGATE_WORKERS: "1",
    POSTGATE_POOL_SIZE: String(Math.floor(poolSize / workers)),
    ...(opsPort === undefined ? {} : { POSTGATE_OPS_PORT: String(opsPort + index) }),
    ...(embedded === undefined ? {} : { DATABASE_URL: urlOf(embedded) }),
  };
}

function urlOf({ host, port, user, password = "", database }: ConnectionSettings): string {
  const [login, secret, name] = [user, password, database].map(encodeURIComponent);
  return `postgres://${login ?? ""}:${secret ?? ""}@/${name ?? ""}?host=${encodeURIComponent(host)}&port=${port}`;
}
