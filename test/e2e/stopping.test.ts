import { once } from "node:events";
import { watch } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { useBuiltCli, startCli } from "../support/cli.ts";
import { makeFolder } from "../integration/embedded/data-dirs.ts";

/** This is well below the ten seconds after which the gateway gives up a connection attempt. */
const STOP_DEADLINE_MS = 5_000;

useBuiltCli();

describe("Ctrl-C while the gateway starts", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("does not wait for a database that does not answer: %s", async (signal) => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    onTestFinished(() => void silent.close());
    const connected = once(silent, "connection");
    const { port } = silent.address() as AddressInfo;
    const env = { DATABASE_URL: `postgres://app@127.0.0.1:${port}/shop` };
    const server = startCli([], { cwd: await makeFolder(), env });
    await connected;

    const since = performance.now();
    server.child.kill(signal);
    const { code, stderr } = await server.ended;

    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/^\{[^\n]*"msg":"stopping"\}\n$/) as string,
    });
    expect(performance.now() - since).toBeLessThan(STOP_DEADLINE_MS);
  });

  it(
    "leaves nothing that blocks the next start when it interrupts the making of the embedded database",
    { timeout: 120_000 },
    async () => {
      const options = { cwd: await makeFolder(), env: { POSTGATE_PORT: "0" } };
      const folder = watch(options.cwd);
      const isMade = once(folder, "change");
      const broken = startCli([], options);
      await isMade; // initdb still works in the folder.
      folder.close();
      broken.interrupt();
      expect(await broken.ended).toMatchObject({
        code: expect.toSatisfy((code) => code === 0 || code === null) as number,
      });

      await startCli([], options).until("stdout", /gen-token/);
    },
  );
});
