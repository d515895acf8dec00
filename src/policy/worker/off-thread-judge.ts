// Parses and judges large texts in a separate thread, one at a time, so that they neither block the event loop nor outlive a deadline. It
// owns that thread and its queue. The parse tree stays in the thread, and only the small answer comes back.

import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { type ErrorCode, type ErrorDetails, GatewayError } from "../../base/errors.ts";
import { tooComplex } from "../../sql/text-bounds.ts";
import type { StatementFacts } from "../approved-statement.ts";
import { FairQueue } from "./fair-queue.ts";
import type { PolicyRules } from "../policy-rules.ts";

/** Maximum number of texts that wait. A full queue holds 128 texts in memory, and one tenant has at most 8 of the places. */
const QUEUE_LIMITS = { perLane: 8, total: 128 } as const;

/**
 * The parser recurses on the stack, and the deepest trees within the bound on tokens need 10 MB of it. The heap holds one tree while it is
 * judged.
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
  /** Maximum time for one text. */
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
   * Returns the facts about a text.
   *
   * @param tenant the tenant that sent the text: tenants are served in turn
   * @throws (in the returned promise) GatewayError PARSE_ERROR as the parser and judge() throw it, and PARSE_ERROR: TOO_COMPLEX at the
   * deadline. TOO_MANY_REQUESTS when too many texts of this tenant wait, UNAVAILABLE when too many of all tenants wait: the text may be
   * an honest one and has not been judged, so the answer is "send it again", not "too complex".
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

  /** Starts a thread. Its start-up time does not count towards the deadline of a text, which did not cause it. */
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

  /** Ends the thread that failed or was still busy at the deadline, and returns the error for the caller. */
  #afterFailure(error: unknown): GatewayError {
    void this.#worker?.terminate();
    this.#worker = undefined;
    if (this.#isClosed) return unavailable();
    if (this.#interrupt.signal.aborted || isOutOfMemory(error)) return tooComplex("it takes too long to judge");
    return new GatewayError("INTERNAL_ERROR", "The statement could not be judged", { cause: error });
  }
}

/**
 * Returns the address of the worker's file. In the built package it is beside this file. Tests import the sources, and Node 20 cannot run
 * TypeScript in a worker, so they use the file of the last build (`npm test` builds first).
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
