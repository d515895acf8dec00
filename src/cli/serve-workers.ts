// Several processes that serve one port: this one starts them, replaces one that dies, stops them in order, and holds what there
// may be only one of, an embedded PostgreSQL. Each worker is an ordinary gateway, and knows nothing of the others.

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

/** So that one that cannot start costs no more than this rate. */
const REPLACE_AFTER_MS = 1_000;

/** Serves until `signal` is aborted, then lets every worker close in order. */
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
  /** Resolves with where the first of them listens; rejects when one ends before any has. */
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

/** What a worker reads in place of this process's own settings. The connections of all together are those of one process. */
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
