// Compiles src/ to dist/. With --if-stale it compiles only when a source is newer than the last build, so that `npx postgate` in a
// clone starts at once, and `npm start` and `npm test` work after an install that ran no scripts.
//
// After `npm ci --omit=dev` there is no compiler in node_modules. The script then lets npm fetch the pinned compiler, and compiles
// without checking types, since the declarations of the development packages are missing as well.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
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

/** Takes turns with other builds by renaming, which is atomic. */
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
// A published package has no src/, so there is nothing to build.
if (!existsSync(sources)) process.exit(0);
const newest = Math.max(newestChange(sources), statSync(join(root, "tsconfig.build.json")).mtimeMs);
if (process.argv.includes("--if-stale") && isFresh(newest)) process.exit(0);

function makeFolder() {
  try {
    // The build is compiled aside and moved into place, so that a failed build keeps the last good one.
    return mkdtempSync(join(root, "dist-"));
  } catch (error) {
    if (!["EACCES", "EPERM", "EROFS"].includes(error.code)) throw error;
    console.error(
      `The build in dist/ is older than src/ or missing, and this user cannot write to ${root}. ` +
        "Run `npm run build` there as a user who can.",
    );
    process.exit(1);
  }
}

function compile(outDir) {
  const project = join(root, "tsconfig.build.json");
  try {
    const installed = createRequire(import.meta.url).resolve("typescript/bin/tsc");
    return spawnSync(process.execPath, [installed, "-p", project, "--outDir", outDir], { stdio: "inherit" }).status;
  } catch (error) {
    if (error.code !== "MODULE_NOT_FOUND") throw error;
  }
  return compileWithFetchedCompiler(project, outDir);
}

function compileWithFetchedCompiler(project, outDir) {
  // npm runs in a folder without a package.json, so that it runs no script of this project again.
  const folder = mkdtempSync(join(tmpdir(), "postgate-build-"));
  const compilerOptions = { noCheck: true, declaration: false, types: [], rootDir: sources, outDir };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: project, compilerOptions, include: [sources] }),
  );
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const words = ["exec", "--yes", `--package=typescript@${devDependencies.typescript}`, "--", "tsc", "-p", folder];
  const { status } = spawnSync("npm", words, { stdio: "inherit", cwd: folder });
  rmSync(folder, { recursive: true, force: true });
  return status;
}

const fresh = makeFolder();
const status = compile(fresh);
if (status !== 0) {
  rmSync(fresh, { recursive: true, force: true });
  process.exit(status ?? 1);
}
writeFileSync(join(fresh, ".built"), "");
// The time is rounded up, because a Date has whole milliseconds, and a stamp older than its sources makes every build stale.
utimesSync(join(fresh, ".built"), new Date(), new Date(Math.ceil(newest)));
chmodSync(fresh, 0o755);
chmodSync(join(fresh, "cli", "main.js"), 0o755); // npm makes a command executable only at install.
// Another build may have finished while this one compiled, and its result may be running.
if (process.argv.includes("--if-stale") && isFresh(newest)) rmSync(fresh, { recursive: true });
else moveIntoPlace(fresh);
