// What is published holds no switch that turns the judge off: every approved statement comes from approve(), nothing but the
// documented settings is read from outside, and no test file is among the published ones.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { beforeAll, describe, expect, it } from "vitest";
import { SETTINGS } from "../../src/config/settings.ts";
import { projectRoot, useBuiltCli } from "../support/cli.ts";

useBuiltCli();

let published: readonly string[];
/** The published programs, by path. */
let programs: ReadonlyMap<string, string>;
beforeAll(() => {
  const words = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const { stdout } = spawnSync("npm", words, { cwd: projectRoot, encoding: "utf8" });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  published = files.map(({ path }) => path).sort();
  const scripts = published.filter((path) => path.endsWith(".js"));
  programs = new Map(scripts.map((path) => [path, readFileSync(join(projectRoot, path), "utf8")]));
});

/** The files in which the pattern occurs, each with what it found. */
function find(pattern: RegExp): Record<string, string[]> {
  const found = [...programs].map(
    ([path, text]) => [path, [...text.matchAll(pattern)].map(([match]) => match)] as const,
  );
  return Object.fromEntries(
    found.filter(([, matches]) => matches.length > 0).map(([path, matches]) => [path, [...matches]]),
  );
}

describe("the published files", () => {
  it("are the program, its types, the migrations and four texts", () => {
    const form =
      /^(dist\/[\w/-]+\.(js|d\.ts)|dist\/\.built|migrations\/\d{4}_\w+\.sql|(CHANGELOG|README)\.md|LICENSE|package\.json)$/;

    expect(published.filter((path) => !form.test(path))).toEqual([]);
    expect(published.filter((path) => /(?<![a-z])(test|spec|bench|fuzz|corpus|mock)/i.test(path))).toEqual([]);
    expect(programs.size).toBeGreaterThan(100);
  });

  it("open four doors alone: the library, the client and the adapters", () => {
    const manifest = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as { exports: object };

    expect(Object.keys(manifest.exports)).toEqual([".", "./client", "./drizzle", "./kysely"]);
  });

  it("read the environment in one place, and no setting but the documented ones", () => {
    const names = new Set(Object.values(find(/\b(?:POSTGATE|POSTGRES)_[A-Z_]+\b/g)).flat());
    const known = new Set<string>(Object.values(SETTINGS).map(({ name }) => name));
    known.add("POSTGRES_NAMES"); // A constant of config.js.

    expect(Object.keys(find(/process\.env|process\.execArgv|NODE_OPTIONS/g))).toEqual(["dist/config/load-config.js"]);
    expect(Object.keys(find(/process\.argv/g))).toEqual(["dist/cli/main.js"]);
    expect([...names].filter((name) => !known.has(name))).toEqual([]);
  });

  it("read no header of a request but those of HTTP, the token's and the request's id", () => {
    const names = Object.entries(find(/headers(?:\.\w+|\["[\w-]+"\])/g))
      .filter(([path]) => path.startsWith("dist/http/"))
      .flatMap(([, matches]) => matches.map((match) => match.replace(/^headers\W+|\W+$/g, "").toLowerCase()));
    const documented = readFileSync(join(projectRoot, "docs/reference/http.md"), "utf8").toLowerCase();
    const framing = ["host", "content-length", "content-encoding", "content-type", "transfer-encoding"];

    expect(names).toContain("authorization");
    expect([...new Set(names)].filter((name) => !framing.includes(name) && !documented.includes(name))).toEqual([]);
  });

  it("approve statements in one place, which the judge alone calls", () => {
    expect(Object.keys(find(/from "[^"]*\/approve\.js"/g))).toEqual(["dist/policy/create-judge.js"]);
  });
});

describe("the sources of the published files", () => {
  it("make an ApprovedStatement by one assertion, and by none to any or never", { timeout: 60_000 }, () => {
    expect(findAssertions()).toEqual([
      "policy/approve.ts: facts as ApprovedStatement",
      "policy/node-rules.ts: visited.node as never", // Each rule gets a node of its own type.
    ]);
  });
});

/** Assertions by which something becomes an ApprovedStatement, or anything at all. */
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
