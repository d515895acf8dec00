// Parses and judges large texts in a thread of their own, one at a time, so that they neither block the event loop nor
// outlive a deadline. In charge of that thread and of the queue before it; what comes back is small, the tree stays there.

import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { type ErrorCode, type ErrorDetails, GatewayError } from "../../base/errors.ts";
import { tooComplex } from "../../sql/text-bounds.ts";
import type { StatementFacts } from "../approved-statement.ts";
import { FairQueue } from "./fair-queue.ts";
import type { PolicyRules } from "../policy-rules.ts";

/** A full queue costs at most 128 texts of memory; one tenant has at most 8 of the places. */
const QUEUE_LIMITS = { perLane: 8, total: 128 } as const;

/**
 * The deepest trees that the bound on tokens lets through need 10 MB of stack, on which the parser recurses. The heap
 * holds one tree while it is judged.
 */
const WORKER_LIMITS = { stackSizeMb: 32, maxOldGenerationSizeMb: 256 } as const;

export interface JudgeTask {
  readonly sql: string;
  readonly kind: PolicyRules["kind"];
}

export type JudgeAnswer =
  | { readonly kind: "allowed"; readonly facts: StatementFacts }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };

export interface JudgeThreadData {
  readonly compiled: WebAssembly.Module;
  readonly rules: Readonly<Record<PolicyRules["kind"], PolicyRules>>;
}

export interface OffThreadJudgeOptions extends Pick<JudgeThreadData, "rules"> {
  readonly compiled: () => Promise<WebAssembly.Module>;
  /** For one text. */
  readonly deadlineMs: number;
}

interface Job {
  readonly task: JudgeTask;
  readonly resolve: (facts: StatementFacts) => void;
  readonly reject: (error: unknown) => void;
}

export class OffThreadJudge {
  readonly #options: OffThreadJudgeOptions;
  readonly #queue = new FairQueue<Job>(QUEUE_LIMITS);
  #worker: Worker | undefined;
  #interrupt = new AbortController();
  #isBusy = false;
  #isClosed = false;

  constructor(options: OffThreadJudgeOptions) {
    this.#options = options;
  }

  /**
   * @param tenant whose text it is: tenants are served in turn.
   * @throws GatewayError PARSE_ERROR as the parser and judge() throw it; TOO_MANY_REQUESTS or UNAVAILABLE when too many
   * texts of this tenant, or of all, wait already. The text may be an honest one and has not been judged, so the answer is
   * "send it again", not "too complex".
   */
  judge(task: JudgeTask, tenant: string): Promise<StatementFacts> {
    return new Promise((resolve, reject) => {
      const added = this.#isClosed ? "queue-full" : this.#queue.add(tenant, { task, resolve, reject });
      if (added === "added") void this.#drain();
      else reject(added === "lane-full" ? tooManyOfTenant() : unavailable());
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#interrupt.abort();
    for (let job = this.#queue.take(); job !== undefined; job = this.#queue.take()) job.reject(unavailable());
    await this.#worker?.terminate();
  }

  async #drain(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let job = this.#queue.take(); job !== undefined; job = this.#queue.take())
      await this.#judgeInWorker(job.task).then(job.resolve, job.reject);
    this.#isBusy = false;
  }

  async #judgeInWorker(task: JudgeTask): Promise<StatementFacts> {
    const answer = await this.#answerTo(task);
    if (answer.kind === "allowed") return answer.facts;
    throw new GatewayError(answer.code, answer.message, { details: answer.details });
  }

  async #answerTo(task: JudgeTask): Promise<JudgeAnswer> {
    const compiled = await this.#options.compiled();
    if (this.#isClosed) throw unavailable();
    this.#interrupt = new AbortController();
    try {
      return await this.#ask(this.#worker ?? (await this.#startWorker(compiled)), task);
    } catch (error) {
      throw this.#afterFailure(error);
    }
  }

  /** The time that a thread takes to start is no text's fault, and counts towards no deadline. */
  async #startWorker(compiled: WebAssembly.Module): Promise<Worker> {
    const workerData: JudgeThreadData = { compiled, rules: this.#options.rules };
    const worker = new Worker(workerUrl(), { workerData, resourceLimits: WORKER_LIMITS });
    const forget = () => {
      if (this.#worker === worker) this.#worker = undefined;
    };
    this.#worker = worker.on("error", forget).on("exit", forget);
    await once(worker, "message", { signal: this.#interrupt.signal });
    return worker;
  }

  async #ask(worker: Worker, task: JudgeTask): Promise<JudgeAnswer> {
    const deadline = setTimeout(() => this.#interrupt.abort(), this.#options.deadlineMs);
    worker.ref();
    try {
      const answered = once(worker, "message", { signal: this.#interrupt.signal });
      worker.postMessage(task);
      const [answer] = (await answered) as [JudgeAnswer];
      return answer;
    } finally {
      clearTimeout(deadline);
      worker.unref(); // An idle worker does not keep the process alive.
    }
  }

  /** A worker that failed or was still busy at the deadline is never used again. */
  #afterFailure(error: unknown): GatewayError {
    void this.#worker?.terminate();
    this.#worker = undefined;
    if (this.#isClosed) return unavailable();
    if (this.#interrupt.signal.aborted || isOutOfMemory(error)) return tooComplex("it takes too long to judge");
    return new GatewayError("INTERNAL_ERROR", "The statement could not be judged", { cause: error });
  }
}

/**
 * Node 20 cannot run TypeScript in a worker. Tests import the sources, so there the worker is the file of the last
 * build (`npm test` builds first); in the built package it stands beside this file.
 */
function workerUrl(): URL {
  if (!import.meta.url.endsWith(".ts")) return new URL("judge-worker.js", import.meta.url);
  return new URL("../../../dist/policy/worker/judge-worker.js", import.meta.url);
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
}

function tooManyOfTenant(): GatewayError {
  return new GatewayError(
    "TOO_MANY_REQUESTS",
    "Too many large statements of this database are waiting; send it again",
    {
      retryAfterSeconds: 1,
    },
  );
}

function unavailable(): GatewayError {
  return new GatewayError("UNAVAILABLE", "Too many large statements are waiting; send it again", {
    retryAfterSeconds: 1,
  });
}
