// Runs the built client against a live gateway in workerd, an edge provider's runtime that is not Node. `npm ci --prefix
// test/support/edge-runtime --ignore-scripts` installs the runtime, which is a separate package.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildSync } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectRoot, useBuiltCli } from "../support/cli.ts";
import { startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";

const MINIFLARE = join(projectRoot, "test/support/edge-runtime/node_modules/miniflare/dist/src/index.js");

/** Declares the part of Miniflare that is used here, because its own types are missing where it is not installed. */
interface Worker {
  dispatchFetch(url: string, init: { method: string; body: string }): Promise<{ json(): Promise<unknown> }>;
  dispose(): Promise<void>;
}
interface MiniflareModule {
  readonly Miniflare: new (options: { modules: true; compatibilityDate: string; script: string }) => Worker;
}

const WORKER = `
import { PostgateClient, PostgateError, sql } from "./dist/client/index.js";
export default {
  async fetch(request) {
    const { url, token, text, name } = await request.json();
    const client = new PostgateClient(url, token, { timeoutMs: 10_000 });
    try {
      const results = text === undefined ? await client.batch([sql\`select \${name} as v\`]) : [await client.query(text, { name })];
      return Response.json({ runtime: navigator.userAgent, results });
    } catch (error) {
      if (!(error instanceof PostgateError)) throw error;
      const { code, reason, requestId } = error;
      return Response.json({ code, reason, requestId });
    }
  },
};`;

async function startWorker(): Promise<Worker> {
  const stdin = { contents: WORKER, resolveDir: projectRoot };
  const [bundle] = buildSync({ stdin, bundle: true, format: "esm", platform: "neutral", write: false }).outputFiles;
  const { Miniflare } = (await import(pathToFileURL(MINIFLARE).href)) as MiniflareModule;
  return new Miniflare({ modules: true, compatibilityDate: "2026-03-01", script: bundle?.text ?? "" });
}

describe.skipIf(!existsSync(MINIFLARE))("an edge runtime (skipped where it is not installed)", () => {
  useBuiltCli();

  let worker: Worker;
  let gateway: TestGateway;
  let tenant: TestTenant;
  beforeAll(async () => {
    gateway = await startTestGateway();
    tenant = await gateway.createTenant();
    worker = await startWorker();
  });
  afterAll(async () => {
    await worker.dispose();
    await gateway.close();
  });

  async function ask(question: { readonly text?: string; readonly name?: string }): Promise<unknown> {
    const body = JSON.stringify({ url: gateway.url, token: tenant.token, ...question });
    return (await worker.dispatchFetch("http://worker.test/", { method: "POST", body })).json();
  }

  it("runs the client's queries and batches", async () => {
    const expected = { runtime: "Cloudflare-Workers", results: [{ rows: [{ v: "é" }], row_count: 1 }] };
    expect(await ask({ text: "select $name::text as v", name: "é" })).toEqual(expected);
    expect(await ask({ name: "é" })).toEqual(expected);
  });

  it("passes every property of an error to the client", async () => {
    const refused = await ask({ text: "select pg_sleep(1), $name::text", name: "" });
    expect(refused).toMatchObject({ code: "PARSE_ERROR", reason: "FUNCTION_NOT_ALLOWED" });
    const { requestId } = refused as { requestId: string };
    expect(gateway.observations).toContainEqual(expect.objectContaining({ kind: "query-failed", requestId }));
  });
});
