// Starts embedded-process.ts, on request as another user.

import { fork } from "node:child_process";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, onTestFinished } from "vitest";

interface Message {
  readonly kind: "ready" | "failed" | "answer" | "exited" | "interrupted";
  readonly message?: string;
  readonly host?: string;
  readonly owned?: boolean;
  readonly rows?: unknown[][];
  readonly signal?: string | null;
}

export interface EmbeddedProcess {
  readonly pid: number;
  /** Returns the next message of a kind. Fails when the process ends without it. */
  receive(kind: Message["kind"]): Promise<Message>;
  query(text: string): Promise<unknown[][]>;
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

export interface ForkOptions {
  readonly dataDir: string;
  readonly packageFolder: string;
  readonly ids?: { readonly uid: number; readonly gid: number };
}

let bundle = "";

/** Compiles the program once, because Node 20 runs no TypeScript. Call it at the top of a test file. */
export function compileEmbeddedProcess(): void {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "postgate-embedded-process-"));
    chmodSync(folder, 0o755);
    bundle = join(folder, "embedded-process.mjs");
    await build({
      entryPoints: [join(import.meta.dirname, "embedded-process.ts")],
      outfile: bundle,
      bundle: true,
      platform: "node",
      format: "esm",
      banner: {
        js: 'import { createRequire as toRequire } from "node:module"; const require = toRequire(import.meta.url);',
      },
      external: ["pg-native"],
    });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
}

export function forkEmbedded(role: "server" | "command", options: ForkOptions): EmbeddedProcess {
  const { dataDir, packageFolder, ids = {} } = options;
  const child = fork(bundle, [role, dataDir, packageFolder], { ...ids, cwd: "/", detached: true, execArgv: [] });
  const ended = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const received: Message[] = [];
  child.on("message", (message: Message) => received.push(message));

  const receive = async (kind: Message["kind"]): Promise<Message> => {
    for (;;) {
      const index = received.findIndex((message) => message.kind === kind);
      const [found] = index < 0 ? [] : received.splice(index, 1);
      if (found !== undefined) return found;
      if (!child.connected) throw new Error(`The process ended without "${kind}": ${JSON.stringify(received)}`);
      await Promise.race([once(child, "message"), once(child, "disconnect")]);
    }
  };
  return {
    pid: child.pid ?? 0,
    receive,
    query: async (text) => {
      child.send({ query: text });
      return (await receive("answer")).rows ?? [];
    },
    stop: async () => {
      child.send("stop");
      await ended;
    },
    kill: async (signal) => {
      child.kill(signal);
      await ended;
    },
  };
}
