import { once } from "node:events";
import type { Config } from "../config.ts";
import { createGateway } from "../gateway.ts";
import { createLog } from "../observability/log.ts";
import { greetOnFirstStart } from "./first-start.ts";
import type { CommandContext } from "./terminal.ts";
import { untilAborted, withClient, withDatabase } from "./with-database.ts";

/** Serves until `signal` is aborted, then closes in order: what is running may finish. */
export async function serve(config: Config, { terminal, signal }: CommandContext): Promise<void> {
  const gateway = createGateway(config, createLog({ level: config.logLevel }));
  const { database } = config;
  try {
    const { url } = await untilAborted(signal, gateway.listen());
    if (database.kind === "embedded")
      await withDatabase(config, signal, (operator) =>
        withClient(operator, (client) => greetOnFirstStart(client, terminal, { url, dataDir: database.dataDir })),
      );
    if (!signal.aborted) await once(signal, "abort");
  } catch (error) {
    if (!signal.aborted) throw error; // A start that is broken off fails somewhere, and that is no failure.
  } finally {
    await gateway.close();
  }
}
