// Runs every example twice against a live gateway, as the comment at its top says, and checks what it prints.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { transform } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectRoot, useBuiltCli } from "../support/cli.ts";
import { post, startTestGateway, type TestGateway } from "../support/gateway.ts";
import { serveExamplePage } from "../support/serve-example-page.ts";

useBuiltCli();

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ config: { neon: true } });
});
afterAll(() => gateway.close());

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(program: readonly string[], env: Record<string, string>): Promise<Outcome> {
  const [command = "", ...words] = program;
  const { PATH = "" } = process.env;
  const child = spawn(command, words, { cwd: projectRoot, env: { PATH, POSTGATE_URL: gateway.url, ...env } });
  const written = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (written.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (written.stderr += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...written };
}

const page = '{"page":"/it\'s; DROP TABLE visit"}';
const VISITS = [
  '{"rows":[],"row_count":0}',
  `{"rows":[${page}],"row_count":1}`,
  '{"results":[{"rows":[],"row_count":0},{"rows":[{"pages":1}],"row_count":1}]}',
  '{"error":"column \\"nothing\\" does not exist","code":"DATABASE_ERROR","sqlstate":"42703","position":8}',
];

describe("the examples for a tenant", () => {
  it.each([
    [["bash", "examples/curl/query.sh"], VISITS],
    [
      [process.execPath, "examples/drizzle/app.mjs"],
      ["ACME has ordered for 19.90", "ACME has 80.10 left, and dates are dates: true"],
    ],
    [
      [process.execPath, "examples/kysely/app.mjs"],
      ["1 book was lent", "Ada: Letters, Notes"],
    ],
    [
      [process.execPath, "examples/neon/app.mjs"],
      [
        "The average is 21.5",
        "It was read at 2026-02-03T04:05:06.789Z",
        'PostgreSQL says 42P01: relation "nowhere" does not exist',
      ],
    ],
  ])("%j prints what it should, and again", async (program, lines) => {
    const { token } = await gateway.createTenant();
    const expected = { code: 0, stderr: "", stdout: `${lines.join("\n")}\n` };
    expect(await run(program, { POSTGATE_TOKEN: token })).toEqual(expected);
    expect(await run(program, { POSTGATE_TOKEN: token })).toEqual(expected);
  });
});

describe("the example of a page", () => {
  it("is served with all its files from the same origin as the gateway", async () => {
    const origin = await serveExamplePage(gateway.url);
    const html = await (await fetch(origin)).text();
    const [, source = ""] = /<script type="module" src="([^"]+)">/.exec(html) ?? [];
    const script = await fetch(new URL(source, origin));
    expect(script.headers.get("content-type")).toMatch(/^text\/javascript/);
    const { code, warnings } = await transform(await script.text(), { format: "esm" });
    expect([warnings, /^\s*import\b/m.test(code)]).toEqual([[], false]); // A module whose imports are all within.
    const ids = [...code.matchAll(/querySelector\("#(\w+)"\)/g)].map(([, id = ""]) => id);
    expect(ids).toEqual(["notes", "status"]);
    for (const id of ids) expect(html).toContain(`id="${id}"`);

    const { token } = await gateway.createTenant();
    expect(await post(origin, token, { sql: "select 'é' as v" })).toMatchObject({
      status: 200,
      body: { rows: [{ v: "é" }] },
    });
    expect(await post(origin, "nonsense", { sql: "select 1" })).toMatchObject({
      status: 401,
      body: { code: "UNAUTHORIZED" },
    });
  });
});

describe("the example for an administrator", () => {
  it("makes a hundred tenants with a token each, and makes only the missing ones when it runs again", async () => {
    const program = [process.execPath, "examples/admin/make-tenants.mjs"];
    const env = { POSTGATE_ADMIN_TOKEN: gateway.admin.token };
    const first = await run(program, env);
    expect([first.code, first.stderr.split("\n").at(-2)]).toEqual([0, "100 of 100 tenants"]);
    const tokens = first.stdout
      .trim()
      .split("\n")
      .map((line) => line.split(","));
    expect(new Set(tokens.map(([name]) => name)).size).toBe(100);
    const [name = "", id = "", token = ""] = tokens.at(50) ?? [];
    expect((await post(gateway.url, token, { sql: "select 1 as one" })).body).toMatchObject({ rows: [{ one: 1 }] });
    expect(await run(program, env)).toMatchObject({ code: 0, stdout: "" });
    await gateway.admin.rows("select delete_tenant_database($1)", [id]);
    const { stdout } = await run(program, env);
    expect(stdout).toMatch(new RegExp(`^${name},[0-9a-f-]{36},pg_[0-9a-f]{64}\\n$`));
  });
});

describe("the list of the examples", () => {
  it("names every example, and every example says how to run it", () => {
    const list = readFileSync(join(projectRoot, "examples/README.md"), "utf8");
    const files = [...list.matchAll(/^\| \[[^\]]+\]\(([^)]+)\)/gm)].map(([, file = ""]) => file);
    expect(files).toHaveLength(6);
    for (const file of files) {
      const text = readFileSync(join(projectRoot, "examples", file), "utf8");
      expect(text, file).toMatch(new RegExp(`^(//|#) .*\\bexamples/${file}`, "m"));
    }
  });
});
