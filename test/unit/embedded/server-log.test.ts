import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, it, onTestFinished } from "vitest";
import { writeServerLog } from "../../../src/embedded/server-log.ts";

async function logOf(lines: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "postgate-log-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "server.log");
  await writeServerLog(Readable.from(lines.map((line) => `${line}\n`)), await open(file, "w"));
  return readFile(file, "utf8");
}

const LOG = "2026-12-01 14:27:36.870 UTC [12184] LOG:  database system is ready to accept connections";

it("a server's log has what the server logs, and not what a process prints when it is out of memory", async () => {
  const continued = ["2026-12-01 14:27:36.870 UTC [12184] LOG:  two", "\tlines"];
  const printed = [
    "TopMemoryContext: 97680 total in 5 blocks; 12104 free (8 chunks); 85576 used",
    "  CachedPlanSource: 1024 total in 1 blocks; 8 free (0 chunks); 1016 used: select 'secret'",
    "Grand total: 19276088 bytes in 228 blocks; 338776 free (287 chunks); 18937312 used",
  ];

  expect(await logOf([LOG, ...printed, ...continued, ...printed])).toBe(`${[LOG, ...continued].join("\n")}\n`);
});

it("a server's log has everything that is printed before the server logs, as a program that cannot run does", async () => {
  const complaint = "postgres: error while loading shared libraries: libicui18n.so.60: cannot open shared object file";

  expect(await logOf([complaint])).toBe(`${complaint}\n`);
});
