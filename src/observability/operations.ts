// Shows operators whether the gateway is ready, and its metrics. Where the ops listener is off, nothing is counted.

import type { Config } from "../config/load-config.ts";
import { createOpsServer } from "./ops-server.ts";
import type { Metrics } from "./metrics.ts";
import type { Observe } from "./observation.ts";

export interface Operations extends Pick<Metrics, "timed" | "watchPool" | "watchCache"> {
  readonly observe: Observe;
  /** Reports the gateway as ready from now on, as long as `ping` resolves. */
  serving(ping: () => Promise<unknown>): void;
  /** Reports the gateway as not ready, so that a load balancer sends no more requests. */
  stopping(): Promise<void>;
}

export interface OperationsOptions {
  readonly config: Pick<Config, "host" | "opsPort">;
  readonly observe: Observe;
  readonly onClose: (closer: () => Promise<void>) => void;
}

const NOTHING_COUNTED: Omit<Operations, "observe"> = {
  timed: (_stage, run) => run,
  watchPool: () => undefined,
  watchCache: () => undefined,
  serving: () => undefined,
  stopping: () => Promise.resolve(),
};

/** Starts the listener before the gateway has started, so that a probe is told that it is not ready yet. */
export async function openOperations({ config, observe, onClose }: OperationsOptions): Promise<Operations> {
  if (config.opsPort === undefined) return { ...NOTHING_COUNTED, observe };
  const { createMetrics } = await import("./metrics.ts");
  const metrics = createMetrics();
  let findUnreadiness = (): Promise<string | undefined> => Promise.resolve("starting");
  const server = createOpsServer({
    findUnreadiness: () => findUnreadiness(),
    writeMetrics: async () => ({
      contentType: metrics.registry.contentType,
      text: await metrics.registry.metrics(),
    }),
  });
  const url = await server.listen(config.host, config.opsPort);
  onClose(() => server.close());
  observe({ kind: "listening", url: `${url}/ready` });
  return {
    ...metrics,
    observe(observation) {
      metrics.observe(observation);
      observe(observation);
    },
    serving(ping) {
      findUnreadiness = () =>
        ping().then(
          () => undefined,
          () => "the database cannot be reached",
        );
    },
    stopping() {
      findUnreadiness = () => Promise.resolve("stopping");
      return Promise.resolve();
    },
  };
}
