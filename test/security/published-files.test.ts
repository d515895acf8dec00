// Checks that the published files hold no switch that turns the judge off: every approved statement comes from approve(), the program
// reads only the documented settings, and no test file is published.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { beforeAll, describe, expect, it } from "vitest";
import { SETTINGS } from "../../src/config/settings.ts";
import { projectRoot, useBuiltCli } from "../support/cli.ts";

useBuiltCli();

let published: readonly string[];
/** Maps the path of each published script to its text. */
let programs: ReadonlyMap<string, string>;
beforeAll(() => {
  const words = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const { stdout } = spawnSync("npm", words, { cwd: projectRoot, encoding: "utf8" });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  published = files.map(({ path }) => path).sort();
  const scripts = published.filter((path) => path.endsWith(".js"));
  programs = new Map(scripts.map((path) => [path, readFileSync(join(projectRoot, path), "utf8")]));
});

/** Returns the files in which the pattern occurs, each with its matches. */
function find(pattern: RegExp): Record<string, string[]> {
  const found = [...programs].map(
    ([path, text]) => [path, [...text.matchAll(pattern)].map(([match]) => match)] as const,
  );
  return Object.fromEntries(
    found.filter(([, matches]) => matches.length > 0).map(([path, matches]) => [path, [...matches]]),
  );
}

describe("the published files", () => {
  it("are only the program, its types, the migrations and four texts", () => {
    const form =
      /^(dist\/[\w/-]+\.(js|d\.ts)|dist\/\.built|migrations\/\d{4}_\w+\.sql|(CHANGELOG|README)\.md|LICENSE|package\.json)$/;

    expect(published.filter((path) => !form.test(path))).toEqual([]);
    expect(published.filter((path) => /(?<![a-z])(test|spec|bench|fuzz|corpus|mock)/i.test(path))).toEqual([]);
    expect(programs.size).toBeGreaterThan(100);
  });

  it("export only four entries: the library, the client and two adapters", () => {
    const manifest = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as { exports: object };

    expect(Object.keys(manifest.exports)).toEqual([".", "./client", "./drizzle", "./kysely"]);
  });

  it("read the environment in one place, and only documented settings", () => {
    const names = new Set(Object.values(find(/\b(?:POSTGATE|POSTGRES)_[A-Z_]+\b/g)).flat());
    const known = new Set<string>(Object.values(SETTINGS).map(({ name }) => name));
    known.add("POSTGRES_NAMES"); // This is the name of a constant in config.js.

    expect(Object.keys(find(/process\.env|process\.execArgv|NODE_OPTIONS/g))).toEqual(["dist/config/load-config.js"]);
    expect(Object.keys(find(/process\.argv/g))).toEqual(["dist/cli/main.js"]);
    expect([...names].filter((name) => !known.has(name))).toEqual([]);
  });

  it("read only the headers of HTTP itself and documented headers", () => {
    const names = Object.entries(find(/headers(?:\.\w+|\["[\w-]+"\])/g))
      .filter(([path]) => path.startsWith("dist/http/"))
      .flatMap(([, matches]) => matches.map((match) => match.replace(/^headers\W+|\W+$/g, "").toLowerCase()));
    const documented = readFileSync(join(projectRoot, "docs/reference/http.md"), "utf8").toLowerCase();
    const framing = ["host", "content-length", "content-encoding", "content-type", "transfer-encoding"];

    expect(names).toContain("authorization");
    expect([...new Set(names)].filter((name) => !framing.includes(name) && !documented.includes(name))).toEqual([]);
  });

  it("import approve() in one place, which is create-judge", () => {
    expect(Object.keys(find(/from "[^"]*\/approve\.js"/g))).toEqual(["dist/policy/create-judge.js"]);
  });
});

describe("the sources of the published files", () => {
  it("cast to ApprovedStatement, any or never only in the listed places", { timeout: 60_000 }, () => {
    expect(findAssertions()).toEqual([
      "policy/approve.ts: sent as ApprovedStatement",
      "policy/node-rules.ts: visited.node as never", // Each rule takes a node of its own type.
      "policy/schema-change.ts: node as never", // Each note takes a node of its own type.
    ]);
  });
});

/** Returns the type assertions that make an ApprovedStatement, or a value of any type. */
function findAssertions(): string[] {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(projectRoot, "tsconfig.build.json"),
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: () => undefined,
    },
  );
  const program = ts.createProgram(config?.fileNames ?? [], config?.options ?? {});
  const checker = program.getTypeChecker();
  const found: string[] = [];
  for (const file of program.getSourceFiles().filter(({ fileName }) => fileName.includes("/src/"))) {
    const visit = (node: ts.Node): void => {
      if (ts.isAsExpression(node) || ts.isTypeAssertionExpression(node)) {
        const type = checker.typeToString(checker.getTypeAtLocation(node.type));
        if (/\bApprovedStatement\b|^(any|never)$/.test(type))
          found.push(`${file.fileName.replace(/^.*\/src\//, "")}: ${node.getText(file)}`);
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return found;
}
