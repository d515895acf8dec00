// Compiles src/ to dist/. With --if-stale only when a source is newer than the last build, so that `npm start` and
// `npm test` work after an install that ran no scripts.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const stamp = join(root, "dist", ".built");

function newestChange(folder) {
  return readdirSync(folder, { recursive: true }).reduce(
    (newest, file) => Math.max(newest, statSync(join(folder, file)).mtimeMs),
    0,
  );
}

function isFresh(startedFrom) {
  return existsSync(stamp) && statSync(stamp).mtimeMs >= startedFrom;
}

/** Takes turns with other builds by renaming, which is done in one step. */
function moveIntoPlace(folder) {
  const dist = join(root, "dist");
  const replaced = `${folder}-replaced`;
  for (;;) {
    try {
      renameSync(folder, dist);
      return;
    } catch (error) {
      if (!["ENOTEMPTY", "EEXIST"].includes(error.code)) throw error;
    }
    if (existsSync(dist)) renameSync(dist, replaced);
    rmSync(replaced, { recursive: true, force: true });
  }
}

const sources = join(root, "src");
// A published package has no src/: there is nothing to build.
if (!existsSync(sources)) process.exit(0);
const newest = Math.max(newestChange(sources), statSync(join(root, "tsconfig.build.json")).mtimeMs);
if (process.argv.includes("--if-stale") && isFresh(newest)) process.exit(0);

// Compiled aside and moved into place, so that a failed build leaves the last good one.
const fresh = mkdtempSync(join(root, "dist-"));
const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const { status } = spawnSync(process.execPath, [compiler, "-p", join(root, "tsconfig.build.json"), "--outDir", fresh], {
  stdio: "inherit",
});
if (status !== 0) {
  rmSync(fresh, { recursive: true, force: true });
  process.exit(status ?? 1);
}
writeFileSync(join(fresh, ".built"), "");
// Rounded up: a Date has whole milliseconds, and a stamp older than its sources would call every build stale.
utimesSync(join(fresh, ".built"), new Date(), new Date(Math.ceil(newest)));
chmodSync(fresh, 0o755);
chmodSync(join(fresh, "cli", "main.js"), 0o755); // npm makes a command executable at install only.
// Another build may have finished while this one compiled, and somebody may run what it made.
if (process.argv.includes("--if-stale") && isFresh(newest)) rmSync(fresh, { recursive: true });
else moveIntoPlace(fresh);
