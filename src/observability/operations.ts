// What the gateway shows to whoever runs it: whether it is ready, and its numbers. Nothing is counted where nobody has asked for
// the listener.

import type { Config } from "../config/load-config.ts";
import { createOpsServer } from "./ops-server.ts";
import type { Metrics } from "./metrics.ts";
import type { Observe } from "./observation.ts";

export interface Operations extends Pick<Metrics, "timed" | "watchPool" | "watchCache"> {
  readonly observe: Observe;
  /** From now on requests are served, as long as `ping` resolves. */
  serving(ping: () => Promise<unknown>): void;
  /** Tells a balancer to send no more requests. */
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

/** Listens already while the gateway starts, so that a probe hears that it is not ready yet. */
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
