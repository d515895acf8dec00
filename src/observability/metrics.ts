// Turns observations, durations and states into Prometheus metrics, and owns their names. No label holds a value that a tenant
// chooses, so the number of series is fixed.

import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { Observation, Observe } from "./observation.ts";
import { createStageTimes } from "./stage-times.ts";

/** The timed parts of a request. `request` is the whole. */
type Stage = "authenticate" | "look-up" | "judge" | "execute";

interface PoolUsage {
  readonly connections: number;
  readonly inUse: number;
  /** Number of requests that wait for a connection. */
  readonly waiting: number;
  /** Backends that were cut off and still run, where the pool keeps account of them. */
  readonly cutBackends?: number;
}

interface CacheUsage {
  readonly entries: number;
  /** Counted since the start of the process. */
  readonly hits: number;
  readonly misses: number;
}

export interface Metrics {
  readonly registry: Registry;
  readonly observe: Observe;
  /** Wraps `run` so that its duration is recorded for the stage. */
  timed<Args extends unknown[], Result>(stage: Stage, run: (...args: Args) => Result): (...args: Args) => Result;
  watchPool(name: string, usage: () => PoolUsage): void;
  watchCache(name: string, usage: () => CacheUsage): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry }); // These describe the process: event-loop delay, memory, CPU, handles.
  const count = createCounters(registers);
  const recorderOf = createStageTimes(
    registry,
    "postgate_stage_duration_seconds",
    "Time of whole requests and of their stages",
  );
  const recordRequest = recorderOf("request");
  return {
    registry,
    observe(observation) {
      if ("durationMs" in observation) recordRequest(observation.durationMs);
      count(observation);
    },
    timed(stage, run) {
      const recordMs = recorderOf(stage);
      return (...args) => {
        const startedAt = performance.now();
        const record = (): void => recordMs(performance.now() - startedAt);
        let result: unknown;
        try {
          return (result = run(...args));
        } finally {
          if (result instanceof Promise) result.then(record, record);
          else record();
        }
      };
    },
    watchPool: createPoolGauges(registers),
    watchCache: createCacheMetrics(registers),
  };
}

function createCounters(registers: Registry[]): (observation: Observation) => void {
  const countRequest = createTally(registers, {
    name: "postgate_requests_total",
    help: "Requests of /query by outcome: OK, a code of an error, or CLIENT_GONE",
    label: "code",
  });
  const countRefusal = createTally(registers, {
    name: "postgate_refusals_total",
    help: "Statements that the SQL policy refused, by reason",
    label: "reason",
  });
  const countCancel = createTally(registers, {
    name: "postgate_cancels_total",
    help: "Statements that were cancelled in PostgreSQL, by reason",
    label: "reason",
  });
  return (observation) => {
    if (observation.kind === "query-finished") countRequest("OK");
    if (observation.kind === "client-gone") {
      countRequest("CLIENT_GONE");
      countCancel("client");
    }
    if (observation.kind !== "query-failed") return;
    countRequest(observation.code);
    if (observation.code === "TIMEOUT") countCancel("timeout");
    if (observation.reason !== undefined) countRefusal(observation.reason);
  };
}

interface TallyOptions {
  readonly name: string;
  readonly help: string;
  readonly label: string;
}

/** A counter that sets its labels only when the metrics are read. */
function createTally(registers: Registry[], { name, help, label }: TallyOptions): (value: string) => void {
  const counts = new Map<string, number>();
  new Counter({
    ...{ name, help, registers, labelNames: [label] },
    collect() {
      this.reset();
      for (const [value, count] of counts) this.inc({ [label]: value }, count);
    },
  });
  return (value) => void counts.set(value, (counts.get(value) ?? 0) + 1);
}

const POOL_GAUGES: Readonly<Record<keyof PoolUsage, { readonly name: string; readonly help: string }>> = {
  connections: { name: "postgate_pool_connections", help: "Connections to PostgreSQL that are open" },
  inUse: { name: "postgate_pool_connections_in_use", help: "Connections to PostgreSQL that run a statement" },
  waiting: { name: "postgate_pool_waiting", help: "Requests that wait for a connection" },
  cutBackends: {
    name: "postgate_pool_cut_backends",
    help: "Backends that were cut off and still run a statement in PostgreSQL",
  },
};

function createPoolGauges(registers: Registry[]): Metrics["watchPool"] {
  const pools = new Map<string, () => PoolUsage>();
  for (const [key, { name, help }] of Object.entries(POOL_GAUGES))
    new Gauge({
      ...{ name, help, registers, labelNames: ["pool"] },
      collect() {
        for (const [pool, usage] of pools) {
          const value = usage()[key as keyof PoolUsage];
          if (value !== undefined) this.set({ pool }, value);
        }
      },
    });
  return (name, usage) => void pools.set(name, usage);
}

/** The caches count for themselves, and the counts are read with the metrics, so that a request pays for no label. */
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
