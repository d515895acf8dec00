// README's commands, run as a newcomer runs them: the tour's shell block against a gateway started by `npm start`.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");

function freePort(): number {
  const script =
    "const s=require('net').createServer().listen(0,'127.0.0.1',()=>{console.log(s.address().port);s.close()})";
  return Number(spawnSync(process.execPath, ["-e", script], { encoding: "utf8" }).stdout);
}

describe("README.md", () => {
  it("names files that exist", () => {
    const links = [...readme.matchAll(/\]\(([^)#]+)\)/g)]
      .map(([, target = ""]) => target)
      .filter((link) => !link.includes(":"));
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((link) => !existsSync(join(root, link)))).toEqual([]);
  });

  it("names scripts that exist", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    for (const [, script = ""] of readme.matchAll(/npm (?:run )?(start|test|check)\b/g))
      expect(scripts).toHaveProperty(script);
  });

  describe("the tour", () => {
    const port = freePort();
    let dataDir: string;
    let gateway: ChildProcess;

    beforeAll(async () => {
      dataDir = mkdtempSync(join(tmpdir(), "postgate-readme-"));
      gateway = spawn("npm", ["start"], {
        cwd: root,
        env: { ...process.env, POSTGATE_DATA_DIR: dataDir, POSTGATE_PORT: String(port), POSTGATE_LOG_LEVEL: "warn" },
        stdio: ["ignore", "pipe", "inherit"],
        detached: true,
      });
      await new Promise<void>((resolve, reject) => {
        let printed = "";
        gateway.once("exit", (code) => reject(new Error(`npm start ended with ${code}: ${printed}`)));
        gateway.stdout?.on("data", (chunk: Buffer) => {
          printed += chunk.toString();
          if (printed.includes("gen-token")) resolve(); // The last line of the greeting.
        });
      });
    });

    afterAll(async () => {
      if (gateway.pid !== undefined && gateway.exitCode === null) {
        const exited = once(gateway, "exit");
        process.kill(-gateway.pid, "SIGINT"); // As Ctrl-C does: to the whole group.
        await exited;
      }
      rmSync(dataDir, { recursive: true, force: true });
    });

    // npm itself takes most of the time, and far more of it on a busy machine.
    it("works when it is copied into a shell", { timeout: 120_000 }, () => {
      const [, tour = ""] = /<!-- tour -->\n```sh\n([\s\S]*?)```/.exec(readme) ?? [];
      const { stdout, stderr, status } = spawnSync(
        "bash",
        ["-euc", tour.replaceAll("localhost:3000", `127.0.0.1:${port}`)],
        {
          cwd: root,
          env: { ...process.env, POSTGATE_DATA_DIR: dataDir },
          encoding: "utf8",
        },
      );
      expect([status, stderr]).toEqual([0, expect.stringContaining("Schema: tenant_")]);
      const [, expected = ""] = /The last command answers `([^`]+)`/.exec(readme) ?? [];
      expect(stdout).toBe(`{"rows":[],"row_count":0}${expected}`);
    });
  });
});
