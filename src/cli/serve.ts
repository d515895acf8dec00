import cluster from "node:cluster";
import type { Config } from "../config/load-config.ts";
import { createGateway } from "../gateway.ts";
import { createLog } from "../observability/log.ts";
import { describeError } from "./failure.ts";
import { greetOnFirstStart } from "./first-start.ts";
import { serveWithWorkers } from "./serve-workers.ts";
import type { CommandContext } from "./terminal.ts";
import { untilAborted, withClient, withDatabase } from "./with-database.ts";

/** Serves until `signal` is aborted, then closes in order: what is running may finish. */
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
    observe({ kind: "stopping", reason: describeError(signal.reason) }); // Asked for, also where it breaks off a start.
  } finally {
    await gateway.close();
  }
}

/** A worker whose first process was killed has nobody who would stop it. */
function signalOfOrphan(): AbortSignal {
  const orphaned = new AbortController();
  cluster.worker?.once("disconnect", () => orphaned.abort(new Error("the first process has ended")));
  return orphaned.signal;
}
