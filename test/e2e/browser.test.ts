// Runs the built client and the example of a page in Chromium against a live gateway. It shows what a browser lets a page of another
// origin do, which a test of the headers alone cannot show.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type * as client from "../../src/client/index.ts";
import { projectRoot, useBuiltCli } from "../support/cli.ts";
import { startTestGateway, type TestGateway, type TestTenant } from "../support/gateway.ts";
import { serveExamplePage } from "../support/serve-example-page.ts";

/** The path of Debian's Chromium. */
const CHROMIUM = "/usr/bin/chromium";

/** A page that loads the built client as modules. */
const PAGE = `<!doctype html><script type="module">globalThis.postgate = await import("/dist/client/index.js");</script>`;

function servePage(): Promise<Server> {
  const server = createServer((request, response) => {
    const module = /^\/dist(?:\/[a-z-]+)+\.js$/.exec(request.url ?? "")?.[0];
    if (module === undefined) return void response.setHeader("content-type", "text/html").end(PAGE);
    void readFile(join(projectRoot, module)).then((text) =>
      response.setHeader("content-type", "text/javascript").end(text),
    );
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

describe.skipIf(!existsSync(CHROMIUM))("Chromium (skipped where it is not installed)", () => {
  useBuiltCli();

  let pages: Server;
  let gateway: TestGateway;
  let tenant: TestTenant;
  let browser: Browser;
  let port: number;

  beforeAll(async () => {
    pages = await servePage();
    port = (pages.address() as AddressInfo).port;
    gateway = await startTestGateway({ config: { corsOrigins: [`http://127.0.0.1:${port}`] } });
    tenant = await gateway.createTenant();
    browser = await chromium.launch({ executablePath: CHROMIUM });
  });
  afterAll(async () => {
    await browser.close();
    pages.close();
    await gateway.close();
  });

  async function open(url: string): Promise<Page> {
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    await page.goto(url);
    return page;
  }

  async function openWithClient(host: string): Promise<Page> {
    const page = await open(`http://${host}:${port}/`);
    await page.waitForFunction("globalThis.postgate !== undefined", undefined, { timeout: 10_000 });
    return page;
  }

  /** Returns the client's result in the page: an answer, or the error's own properties. */
  function query(page: Page, sql: string, { token }: TestTenant = tenant): Promise<unknown> {
    return page.evaluate(
      async ({ url, token, sql }) => {
        const { PostgateClient, PostgateError } = (globalThis as unknown as { postgate: typeof client }).postgate;
        try {
          return await new PostgateClient(url, token, { retries: 0 }).query(sql);
        } catch (error) {
          if (!(error instanceof PostgateError)) throw error;
          const { code, status, reason, sqlstate, requestId, retryAfterSeconds } = error;
          return { code, status, reason, sqlstate, requestId, retryAfterSeconds };
        }
      },
      { url: gateway.url, token, sql },
    );
  }

  it("lets a page of an origin on the list run a query", async () => {
    const page = await openWithClient("127.0.0.1");
    expect(await query(page, "select 'é' as v, array[1, 2] as n")).toEqual({
      rows: [{ v: "é", n: [1, 2] }],
      row_count: 1,
    });
  });

  it("lets the page see why a statement was refused, and the request id in the log", async () => {
    const page = await openWithClient("127.0.0.1");
    const refused = await query(page, "select pg_sleep(1)");
    expect(refused).toMatchObject({ status: 400, code: "PARSE_ERROR", reason: "FUNCTION_NOT_ALLOWED" });
    const { requestId, reason } = refused as { requestId: string; reason: string };
    expect(gateway.observations).toContainEqual(expect.objectContaining({ kind: "query-failed", requestId, reason }));
    expect(await query(page, "select 1/0")).toMatchObject({ code: "DATABASE_ERROR", sqlstate: "22012" });
  });

  it("lets the page see after how long it may try again", async () => {
    const limited = await gateway.createTenant();
    await gateway.admin.rows(
      "update postgate_databases set requests_per_second = 0.05, request_burst = 1 where id = $1",
      [limited.id],
    );
    const page = await openWithClient("127.0.0.1");
    await query(page, "select 1", limited);
    expect(await query(page, "select 1", limited)).toMatchObject({
      code: "TOO_MANY_REQUESTS",
      retryAfterSeconds: expect.any(Number) as number,
    });
  });

  it("hides answers from a page of an origin that is not on the list", async () => {
    const page = await openWithClient("localhost");
    expect(await query(page, "select 1")).toMatchObject({ code: "NETWORK_ERROR", status: 0 });
  });

  it("shows the page of the example with the notes of its user", async () => {
    const page = await open(await serveExamplePage(gateway.url));
    await page.getByLabel("Token").fill("nonsense");
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByText("Missing, invalid or expired token").waitFor();
    await page.getByLabel("Token").fill(tenant.token);
    await page.getByRole("button", { name: "Connect" }).click();
    for (const note of ["first", "<b>second</b>"]) {
      await page.getByLabel("Note").fill(note);
      await page.getByRole("button", { name: "Add" }).click();
      await page.getByRole("listitem").getByText(note, { exact: true }).waitFor();
    }
    expect(await page.getByRole("listitem").allTextContents()).toEqual(["<b>second</b>", "first"]);
    expect(await page.getByRole("status").textContent()).toBe("2 notes");
  });
});
