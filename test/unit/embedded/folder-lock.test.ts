import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type FolderLock, type LockHolder, tryLock } from "../../../src/embedded/folder-lock.ts";

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "postgate-lock-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function isLock(answer: FolderLock | LockHolder): answer is FolderLock {
  return "release" in answer;
}

async function lock(folder: string): Promise<FolderLock> {
  const answer = await tryLock(folder, "server");
  if (!isLock(answer)) throw new Error(`The folder is held by ${answer.pid}`);
  return answer;
}

describe("tryLock", () => {
  it("tells who has the folder, and where its server listens as soon as it does", async () => {
    const folder = await makeFolder();
    const held = await lock(folder);
    expect(await tryLock(folder, "command")).toMatchObject({ pid: process.pid, role: "server" });

    await held.publish("/run/somewhere");
    expect(await tryLock(folder, "command")).toMatchObject({ role: "server", socketFolder: "/run/somewhere" });
  });

  it("gives the folder again once it is released", async () => {
    const folder = await makeFolder();
    await (await lock(folder)).release();
    await (await lock(folder)).release();

    expect(await readdir(folder)).toEqual(["lock.2"]);
  });

  it.each([
    { what: "a process that is no more", left: { pid: 2 ** 22 + 1, processStart: "boot 1", role: "server" } },
    {
      what: "an earlier process with a pid that is in use again",
      left: { pid: process.pid, processStart: "boot 1", role: "server" },
    },
  ])("takes over the lock of $what", async ({ left }) => {
    const folder = await makeFolder();
    await writeFile(join(folder, "lock.41"), JSON.stringify(left));
    await lock(folder);

    expect(await readdir(folder)).toEqual(["lock.42"]);
  });

  it("gives a dead owner's folder to exactly one of many that try at once", async () => {
    for (let round = 0; round < 20; round++) {
      const folder = await makeFolder();
      await writeFile(join(folder, "lock.1"), JSON.stringify({ pid: 2 ** 22 + 1, processStart: "", role: "server" }));
      const answers = await Promise.all(Array.from({ length: 20 }, () => tryLock(folder, "server")));

      expect(answers.filter(isLock)).toHaveLength(1);
    }
  });

  it("is held by one at a time when many take it and give it back", async () => {
    const folder = await makeFolder();
    let holders = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      for (let taken = 0; taken < 10;) {
        const answer = await tryLock(folder, "command");
        if (!isLock(answer)) continue;
        taken++;
        most = Math.max(most, ++holders);
        await new Promise(setImmediate);
        holders--;
        await answer.release();
      }
    };
    await Promise.all([work(), work(), work(), work()]);

    expect(most).toBe(1);
    expect(await readdir(folder)).toEqual(["lock.40"]);
  });
});
