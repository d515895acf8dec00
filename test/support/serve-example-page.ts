import { spawn } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";
import { projectRoot } from "./cli.ts";

/** Runs the server of the example's page until the test ends. Resolves to the page's address. */
export async function serveExamplePage(gatewayUrl: string): Promise<string> {
  const env = { ...process.env, POSTGATE_URL: gatewayUrl, PORT: "0" };
  const server = spawn(process.execPath, ["examples/browser/serve.mjs"], { cwd: projectRoot, env });
  onTestFinished(async () => {
    server.kill();
    await once(server, "close");
  });
  const [printed] = (await once(server.stdout, "data")) as [Buffer];
  return printed.toString().trim();
}
