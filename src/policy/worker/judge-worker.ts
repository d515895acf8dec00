// The entry of the thread in which large texts are parsed and judged: it says once that it is ready, then answers each text
// with the facts or the refusal.

import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";

import { GatewayError } from "../../base/errors.ts";
import { createParser } from "../../sql/parse-statement.ts";
import { requireBoundedCost } from "../../sql/text-bounds.ts";
import { judge } from "../judge.ts";
import type { JudgeAnswer, JudgeTask, JudgeThreadData } from "./off-thread-judge.ts";

const { compiled, rules } = workerData as JudgeThreadData;
const parser = createParser(() => Promise.resolve(compiled));

// On Linux this concerns the calling thread alone: whoever sends small statements goes first. Elsewhere it would slow
// the whole process down.
if (process.platform === "linux") setPriority(10);

parentPort?.on("message", (task: JudgeTask) => void answer(task));
await parser.ready();
parentPort?.postMessage("ready");

async function answer({ sql, kind }: JudgeTask): Promise<void> {
  await parser.ready();
  parentPort?.postMessage(verdictOn(sql, kind));
}

/** An error keeps its class only within a thread: a refusal goes as its parts, anything else ends the thread. */
function verdictOn(sql: string, kind: JudgeTask["kind"]): JudgeAnswer {
  try {
    requireBoundedCost(sql);
    return { kind: "allowed", facts: judge(parser.parse(sql), rules[kind]) };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { kind: "refused", code: error.code, message: error.message, details: error.details };
  }
}
