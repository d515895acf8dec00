// Observation → a line of JSON. Logs go to stderr: stdout belongs to what a command prints, such as the id and the token
// that scripts read. Nothing here sees SQL, parameters or whole tokens; causes of faults are redacted.

import { pino, type DestinationStream, type Level } from "pino";
import type { ErrorCode } from "../base/errors.ts";
import type { Observation, Observe } from "./observation.ts";
import { redactSecrets } from "./redact-secrets.ts";

const STDERR = 2;
/** How far an error's causes are followed. */
const MAX_CAUSES = 5;

export interface LogOptions {
  readonly level: Level | "silent";
  readonly destination?: DestinationStream;
}

/** The observer that writes the log. Lines are written without holding up the process, and completed when it ends. */
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

/** Lines are written together: one write a line was a sixth of a request's CPU. `kill -9` loses the last of them. */
const BUFFER_BYTES = 12_288;
const FLUSH_INTERVAL_MS = 100;

/** What cannot be written (a full disk, a closed pipe) is dropped: serving goes on. */
function openStderr(): DestinationStream {
  const buffered = { fd: STDERR, sync: false, minLength: BUFFER_BYTES, periodicFlush: FLUSH_INTERVAL_MS };
  return pino.destination(buffered).on("error", () => undefined);
}

/** As pino's own isoTime; a text that stands in many lines is made once. */
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
      return levelOfFailure(observation.code);
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

function levelOfFailure(code: ErrorCode): Level {
  if (code === "INTERNAL_ERROR") return "error";
  return code === "UNAVAILABLE" ? "warn" : "info";
}

function messageOf(observation: Observation): string {
  if (observation.kind === "query-finished") return "query finished"; // Most lines are this one.
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
        kind: undefined, // The message says it.
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

/** Only what an error says of itself: a driver's error has further keys, and they can hold a tenant's values. */
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
