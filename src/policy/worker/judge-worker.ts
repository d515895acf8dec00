// The entry of the thread that parses and judges large texts. It reports once that it is ready, and then answers each text with the facts
// or the refusal.

import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";

import { GatewayError } from "../../base/errors.ts";
import { createParser } from "../../sql/parse-statement.ts";
import { requireBoundedCost } from "../../sql/text-bounds.ts";
import { judge } from "../judge.ts";
import type { JudgeAnswer, JudgeTask, JudgeThreadData } from "./off-thread-judge.ts";

const { compiled, rules } = workerData as JudgeThreadData;
const parser = createParser(() => Promise.resolve(compiled));

// The main thread, which judges small statements, has priority. On Linux the call changes only the calling thread; elsewhere it would slow
// the whole process down.
if (process.platform === "linux") setPriority(10);

parentPort?.on("message", (task: JudgeTask) => void answer(task));
await parser.ready();
parentPort?.postMessage("ready");

async function answer({ sql, kind }: JudgeTask): Promise<void> {
  await parser.ready();
  parentPort?.postMessage(verdictOn(sql, kind));
}

/** Returns the verdict. A refusal is sent as its parts, because an error loses its class between threads. Other errors end the thread. */
function verdictOn(sql: string, kind: JudgeTask["kind"]): JudgeAnswer {
  try {
    requireBoundedCost(sql);
    return { kind: "allowed", facts: judge(parser.parse(sql), rules[kind]) };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { kind: "refused", code: error.code, message: error.message, details: error.details };
  }
}
