// Parses large texts in a worker thread, one at a time, so that they neither block the event loop nor outlive a
// deadline. In charge of that thread and of the queue before it; text-cost.ts and parse-statement.ts say what is large.

import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { GatewayError } from "../errors.ts";
import { FairQueue } from "./fair-queue.ts";
import type { ParseOutcome } from "./parser-instance.ts";

/** A full queue costs at most 128 texts of memory; one tenant has at most 8 of the places. */
const QUEUE_LIMITS = { perLane: 8, total: 128 } as const;

/**
 * The deepest trees that the bound on tokens lets through need 10 MB of stack, on which the parser recurses. The heap
 * holds one tree while its nodes are counted.
 */
const WORKER_LIMITS = { stackSizeMb: 32, maxOldGenerationSizeMb: 256 } as const;

interface Job {
  readonly sql: string;
  readonly resolve: (outcome: ParseOutcome) => void;
  readonly reject: (error: unknown) => void;
}

export interface OffThreadParserOptions {
  readonly compiled: () => Promise<WebAssembly.Module>;
  readonly deadlineMs: number;
}

export class OffThreadParser {
  readonly #options: OffThreadParserOptions;
  readonly #queue = new FairQueue<Job>(QUEUE_LIMITS);
  #worker: Worker | undefined;
  #interrupt = new AbortController();
  #isBusy = false;
  #isClosed = false;

  constructor(options: OffThreadParserOptions) {
    this.#options = options;
  }

  /**
   * @param tenant whose text it is: tenants are served in turn.
   * @throws GatewayError UNAVAILABLE when too many texts wait already. The text may be an honest one and has not been
   * judged, so the answer is "send it again", not "too complex".
   */
  parse(sql: string, tenant: string): Promise<ParseOutcome> {
    return new Promise((resolve, reject) => {
      if (!this.#isClosed && this.#queue.add(tenant, { sql, resolve, reject })) void this.#drain();
      else reject(unavailable());
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
      await this.#parseInWorker(job.sql).then(job.resolve, job.reject);
    this.#isBusy = false;
  }

  async #parseInWorker(sql: string): Promise<ParseOutcome> {
    const compiled = await this.#options.compiled();
    if (this.#isClosed) throw unavailable();
    this.#interrupt = new AbortController();
    try {
      const worker = this.#worker ?? (await this.#startWorker(compiled));
      return await this.#ask(worker, sql);
    } catch (error) {
      return this.#afterFailure(error);
    }
  }

  /** The time that a thread takes to start is no text's fault, and counts towards no deadline. */
  async #startWorker(compiled: WebAssembly.Module): Promise<Worker> {
    const worker = new Worker(workerUrl(), { workerData: { compiled }, resourceLimits: WORKER_LIMITS });
    const forget = () => {
      if (this.#worker === worker) this.#worker = undefined;
    };
    this.#worker = worker.on("error", forget).on("exit", forget);
    await once(worker, "message", { signal: this.#interrupt.signal });
    return worker;
  }

  async #ask(worker: Worker, sql: string): Promise<ParseOutcome> {
    const deadline = setTimeout(() => this.#interrupt.abort(), this.#options.deadlineMs);
    worker.ref();
    try {
      const answered = once(worker, "message", { signal: this.#interrupt.signal });
      worker.postMessage(sql);
      const [outcome] = (await answered) as [ParseOutcome];
      return outcome;
    } finally {
      clearTimeout(deadline);
      worker.unref(); // An idle worker does not keep the process alive.
    }
  }

  /** A worker that failed or was still busy at the deadline is never used again. */
  #afterFailure(error: unknown): ParseOutcome {
    void this.#worker?.terminate();
    this.#worker = undefined;
    if (this.#isClosed) throw unavailable();
    if (this.#interrupt.signal.aborted || isOutOfMemory(error)) return { kind: "too-complex" };
    throw new GatewayError("INTERNAL_ERROR", "The statement could not be parsed", { cause: error });
  }
}

/**
 * Node 20 cannot run TypeScript in a worker. Tests import the sources, so there the worker is the file of the last
 * build (`npm test` builds first); in the built package it stands beside this file.
 */
function workerUrl(): URL {
  if (!import.meta.url.endsWith(".ts")) return new URL("parse-worker.js", import.meta.url);
  return new URL("../../dist/sql/parse-worker.js", import.meta.url);
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
}

function unavailable(): GatewayError {
  return new GatewayError("UNAVAILABLE", "Too many large statements are waiting; send it again", {
    retryAfterSeconds: 1,
  });
}
