// Writes each observation as a line of JSON. The log goes to stderr, because scripts read ids and tokens from stdout. This file never
// sees SQL, parameters or whole tokens, and it redacts the causes of faults.

import { pino, type DestinationStream, type Level } from "pino";
import type { Observation, Observe } from "./observation.ts";
import { redactSecrets } from "./redact-secrets.ts";

const STDERR = 2;
/** Maximum number of nested causes of an error that are logged. */
const MAX_CAUSES = 5;

export interface LogOptions {
  readonly level: Level | "silent";
  readonly destination?: DestinationStream;
}

/** Creates the observer that writes the log. Writing does not block the process, and the last lines are written when it ends. */
export function createLog({ level, destination = openStderr() }: LogOptions): Observe {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: createTimestamp(),
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return (observation) => {
    const lineLevel = levelOf(observation);
    if (logger.isLevelEnabled(lineLevel)) logger[lineLevel](toFields(observation), messageOf(observation));
  };
}

/** Lines are written in groups, because one write for each line cost a sixth of a request's CPU. `kill -9` loses the last group. */
const BUFFER_BYTES = 12_288;
const FLUSH_INTERVAL_MS = 100;

/** Drops lines that cannot be written (a full disk, a closed pipe), so that the gateway goes on serving. */
function openStderr(): DestinationStream {
  const buffered = { fd: STDERR, sync: false, minLength: BUFFER_BYTES, periodicFlush: FLUSH_INTERVAL_MS };
  return pino.destination(buffered).on("error", () => undefined);
}

/** Writes the time as pino's own isoTime does, but formats a millisecond once, however many lines it has. */
function createTimestamp(): () => string {
  let madeAt = Number.NaN;
  let made = "";
  return () => {
    const now = Date.now();
    if (now !== madeAt) made = `,"time":"${new Date(now).toISOString()}"`;
    madeAt = now;
    return made;
  };
}

function levelOf(observation: Observation): Level {
  switch (observation.kind) {
    case "query-failed":
      return levelOfFailure(observation);
    case "warning":
    case "background-failure":
      return "warn";
    case "query-finished":
    case "client-gone":
    case "statements":
    case "listening":
    case "migrated":
    case "stopping":
      return "info";
  }
}

/** data_corrupted and index_corrupted. A tenant can cause an XX000 at will, but not these. */
const CORRUPTION: ReadonlySet<string> = new Set(["XX001", "XX002"]);

function levelOfFailure({ code, sqlstate = "" }: Extract<Observation, { kind: "query-failed" }>): Level {
  if (code === "INTERNAL_ERROR" || CORRUPTION.has(sqlstate)) return "error";
  return code === "UNAVAILABLE" ? "warn" : "info";
}

function messageOf(observation: Observation): string {
  if (observation.kind === "query-finished") return "query finished"; // This is the most frequent line.
  if (observation.kind === "warning") return redactSecrets(observation.message);
  return observation.kind.replaceAll("-", " ");
}

function toFields(observation: Observation): object {
  switch (observation.kind) {
    case "query-finished":
      return {
        requestId: observation.requestId,
        durationMs: rounded(observation.durationMs),
        tokenPrefix: observation.tokenPrefix,
        databaseId: observation.databaseId,
        operation: observation.operation,
        rowCount: observation.rowCount,
      };
    case "query-failed":
    case "client-gone":
      return {
        ...observation,
        kind: undefined, // The message already says it.
        durationMs: rounded(observation.durationMs),
        ...causeField(observation),
      };
    case "background-failure":
      return { task: observation.task, ...causeField(observation) };
    case "statements":
      return { requestId: observation.requestId, sql: observation.sql };
    case "listening":
      return { url: observation.url };
    case "migrated":
      return { applied: observation.applied };
    case "stopping":
      return { reason: observation.reason };
    case "warning":
      return {};
  }
}

function rounded(durationMs: number): number {
  return Math.round(durationMs * 1_000) / 1_000;
}

function causeField(facts: object): object {
  const cause = "cause" in facts ? facts.cause : undefined;
  return cause === undefined ? {} : { cause: describeCause(cause, MAX_CAUSES) };
}

/** Keeps only the standard keys of an error. A driver's error has further keys that can hold a tenant's values. */
function describeCause(cause: unknown, depth: number): object {
  if (!(cause instanceof Error)) return { message: redactSecrets(String(cause)) };
  const { code } = cause as NodeJS.ErrnoException;
  return {
    name: cause.name,
    message: redactSecrets(cause.message),
    ...(typeof code === "string" && { code }),
    stack: redactSecrets(cause.stack ?? ""),
    ...(cause.cause !== undefined && depth > 1 && { cause: describeCause(cause.cause, depth - 1) }),
  };
}
