// docs/tutorial/first-app.md is run as a newcomer runs it: its files are saved, its commands are copied into a shell, and what
// they print is compared with the page.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { projectRoot, startCli, useBuiltCli } from "../support/cli.ts";

const page = readFileSync(join(projectRoot, "docs/tutorial/first-app.md"), "utf8");

useBuiltCli();

/** A folder in which `postgate/client` and `npx postgate` resolve, as they do in a clone. */
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(projectRoot, "node_modules", ".tutorial-"));
  mkdirSync(join(folder, "node_modules", ".bin"), { recursive: true });
  symlinkSync(projectRoot, join(folder, "node_modules", "postgate"));
  symlinkSync(join(projectRoot, "dist/cli/main.js"), join(folder, "node_modules", ".bin", "postgate"));
  writeFileSync(join(folder, "package.json"), '{"name": "tutorial", "private": true}');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function blocks(marker: RegExp, language: string): string[] {
  const form = new RegExp(`<!-- ${marker.source} -->\\n\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g");
  return [...page.matchAll(form)].map(([, code = ""]) => code);
}

it("docs/tutorial/first-app.md prints what it says when it is copied into a shell", { timeout: 180_000 }, async () => {
  for (const [, path = "", code = ""] of page.matchAll(/<!-- file: (\S+) -->\n```js\n([\s\S]*?)```/g)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), code);
  }
  const dataDir = join(folder, ".postgate");
  const env = { POSTGATE_DATA_DIR: dataDir, POSTGATE_PORT: "0", POSTGATE_LOG_LEVEL: "warn" };
  const gateway = startCli(["serve"], { cwd: folder, env });
  const [, url = ""] = await gateway.until("stdout", /ready at (\S+)/);
  await gateway.until("stdout", /gen-token/);

  const commands = blocks(/run/, "sh").join("\n").replaceAll("http://localhost:3000", url);
  const { PATH = "", HOME = "" } = process.env;
  const { status, stdout, stderr } = spawnSync("bash", ["-euc", commands], {
    cwd: folder,
    env: { PATH, HOME, POSTGATE_DATA_DIR: dataDir },
    encoding: "utf8",
  });

  expect([status, stderr]).toEqual([0, expect.stringContaining("Schema: tenant_")]);
  expect(stdout).toBe(blocks(/prints/, "text").join(""));
  gateway.interrupt();
  await gateway.ended;
});
