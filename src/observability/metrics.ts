// Observations, times and states → numbers for Prometheus. In charge of their names. No label holds anything that a tenant
// decides: the number of series is fixed.

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Observation, Observe } from "./observation.ts";

/** What is timed of a request; the whole of it is `request`. */
type Stage = "authenticate" | "look-up" | "judge" | "execute";

interface PoolUsage {
  readonly connections: number;
  readonly inUse: number;
  /** Requests that wait for a connection. */
  readonly waiting: number;
}

interface CacheUsage {
  readonly entries: number;
  /** Since the start. */
  readonly hits: number;
  readonly misses: number;
}

export interface Metrics {
  readonly registry: Registry;
  readonly observe: Observe;
  /** `run`, and the time that it takes is counted for the stage. */
  timed<Args extends unknown[], Result>(
    stage: Stage,
    run: (...args: Args) => Promise<Result>,
  ): (...args: Args) => Promise<Result>;
  watchPool(name: string, usage: () => PoolUsage): void;
  watchCache(name: string, usage: () => CacheUsage): void;
}

const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry }); // The process: event-loop delay, memory, CPU, handles.
  const count = createCounters(registers);
  const stages = new Histogram({
    name: "postgate_stage_duration_seconds",
    help: "Time of whole requests and of their stages",
    labelNames: ["stage"],
    buckets: SECONDS,
    registers,
  });
  const requestTimes = stages.labels("request");
  return {
    registry,
    observe(observation) {
      if ("durationMs" in observation) requestTimes.observe(observation.durationMs / 1_000);
      count(observation);
    },
    timed(stage, run) {
      const times = stages.labels(stage);
      return (...args) => {
        const startedAt = performance.now();
        const result = run(...args);
        const record = (): void => times.observe((performance.now() - startedAt) / 1_000);
        result.then(record, record);
        return result;
      };
    },
    watchPool: createPoolGauges(registers),
    watchCache: createCacheMetrics(registers),
  };
}

function createCounters(registers: Registry[]): (observation: Observation) => void {
  const requests = new Counter({
    name: "postgate_requests_total",
    help: "Requests of /query by outcome: OK, a code of an error, or CLIENT_GONE",
    labelNames: ["code"],
    registers,
  });
  const refusals = new Counter({
    name: "postgate_refusals_total",
    help: "Statements that the SQL policy refused, by reason",
    labelNames: ["reason"],
    registers,
  });
  const cancels = new Counter({
    name: "postgate_cancels_total",
    help: "Statements that were cancelled in PostgreSQL, by reason",
    labelNames: ["reason"],
    registers,
  });
  const succeeded = requests.labels("OK");
  return (observation) => {
    if (observation.kind === "query-finished") succeeded.inc();
    if (observation.kind === "client-gone") {
      requests.inc({ code: "CLIENT_GONE" });
      cancels.inc({ reason: "client" });
    }
    if (observation.kind !== "query-failed") return;
    requests.inc({ code: observation.code });
    if (observation.code === "TIMEOUT") cancels.inc({ reason: "timeout" });
    if (observation.reason !== undefined) refusals.inc({ reason: observation.reason });
  };
}

const POOL_GAUGES: Readonly<Record<keyof PoolUsage, { readonly name: string; readonly help: string }>> = {
  connections: { name: "postgate_pool_connections", help: "Connections to PostgreSQL that are open" },
  inUse: { name: "postgate_pool_connections_in_use", help: "Connections to PostgreSQL that run a statement" },
  waiting: { name: "postgate_pool_waiting", help: "Requests that wait for a connection" },
};

function createPoolGauges(registers: Registry[]): Metrics["watchPool"] {
  const pools = new Map<string, () => PoolUsage>();
  for (const [key, { name, help }] of Object.entries(POOL_GAUGES))
    new Gauge({
      ...{ name, help, registers, labelNames: ["pool"] },
      collect() {
        for (const [pool, usage] of pools) this.set({ pool }, usage()[key as keyof PoolUsage]);
      },
    });
  return (name, usage) => void pools.set(name, usage);
}

/** Counted by the caches themselves, and read when somebody asks: a request pays for no label. */
function createCacheMetrics(registers: Registry[]): Metrics["watchCache"] {
  const caches = new Map<string, () => CacheUsage>();
  new Gauge({
    ...{ name: "postgate_cache_entries", help: "What is remembered, by cache", registers, labelNames: ["cache"] },
    collect() {
      for (const [cache, usage] of caches) this.set({ cache }, usage().entries);
    },
  });
  const addCounter = (key: "hits" | "misses", help: string): void => {
    new Counter({
      ...{ name: `postgate_cache_${key}_total`, help, registers, labelNames: ["cache"] },
      collect() {
        this.reset();
        for (const [cache, usage] of caches) this.inc({ cache }, usage()[key]);
      },
    });
  };
  addCounter("hits", "What was asked for and remembered, by cache");
  addCounter("misses", "What was asked for and not remembered, by cache");
  return (name, usage) => void caches.set(name, usage);
}
