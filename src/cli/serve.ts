import cluster from "node:cluster";
import type { Config } from "../config/load-config.ts";
import { createGateway } from "../gateway.ts";
import { createLog } from "../observability/log.ts";
import { describeError } from "./failure.ts";
import { greetOnFirstStart } from "./first-start.ts";
import { serveWithWorkers } from "./serve-workers.ts";
import type { CommandContext } from "./terminal.ts";
import { untilAborted, withClient, withDatabase } from "./with-database.ts";

/** Serves until `signal` is aborted, and then closes in order, so that running statements may finish. */
export async function serve(config: Config, context: CommandContext): Promise<void> {
  if (config.workers > 1) await serveWithWorkers(config, context);
  else await serveAlone(config, context);
}

async function serveAlone(config: Config, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const signal = AbortSignal.any([context.signal, signalOfOrphan()]);
  const observe = createLog({ level: config.logLevel });
  const gateway = createGateway(config, observe);
  const { database } = config;
  try {
    const { url, broken } = await untilAborted(signal, gateway.listen());
    if (database.kind === "embedded")
      await withDatabase(config, signal, (operator) =>
        withClient(operator, (client) => greetOnFirstStart(client, terminal, { url, dataDir: database.dataDir })),
      );
    throw await untilAborted(signal, broken);
  } catch (error) {
    if (!signal.aborted) throw error;
    observe({ kind: "stopping", reason: describeError(signal.reason) }); // The stop was asked for, even when it interrupts a start.
  } finally {
    await gateway.close();
  }
}

/** Returns a signal that aborts when a worker's first process has ended, because nothing else would stop the worker then. */
function signalOfOrphan(): AbortSignal {
  const orphaned = new AbortController();
  cluster.worker?.once("disconnect", () => orphaned.abort(new Error("the first process has ended")));
  return orphaned.signal;
}
