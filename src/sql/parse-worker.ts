// The entry of the worker thread in which large texts are parsed: it says once that it is ready, then answers each text
// with its outcome.

import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";

import { GatewayError } from "../errors.ts";
import { createParserInstance, type ParseOutcome } from "./parser-instance.ts";
import { readStatements } from "./read-statements.ts";
import { visitTree } from "./walk.ts";

const parser = createParserInstance(() => Promise.resolve((workerData as { compiled: WebAssembly.Module }).compiled));

// On Linux this concerns the calling thread alone: whoever sends small statements goes first. Elsewhere it would slow
// the whole process down.
if (process.platform === "linux") setPriority(10);

parentPort?.on("message", (sql: string) => void answer(sql));
await parser.ready();
parentPort?.postMessage("ready");

async function answer(sql: string): Promise<void> {
  await parser.ready();
  parentPort?.postMessage(refuseLargeTree(parser.parse(sql)));
}

/** Counts the nodes here, so that the main thread never decodes a tree that it would refuse for its size. */
function refuseLargeTree(outcome: ParseOutcome): ParseOutcome {
  if (outcome.kind !== "tree") return outcome;
  try {
    for (const { tree } of readStatements(outcome.json)) visitTree(tree, () => undefined);
  } catch (error) {
    if (error instanceof GatewayError && error.details.reason === "TOO_COMPLEX") return { kind: "too-complex" };
    throw error;
  }
  return outcome;
}
