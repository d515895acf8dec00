// docs/reference/kysely.md is held to the truth: its code compiles, and prints on a live gateway what its comments say.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot, useBuiltCli } from "../support/cli.ts";
import { startTestGateway } from "../support/gateway.ts";
import { codeOf, compilePage, runPage } from "../support/page-code.ts";

const page = readFileSync(join(projectRoot, "docs/reference/kysely.md"), "utf8");
const code = codeOf(page);

useBuiltCli();

describe("docs/reference/kysely.md", () => {
  it("has code that compiles", () => {
    expect(code).toContain("PostgateDialect");
    expect(compilePage(code)).toEqual([]);
  });

  it("has code that prints what it says", async () => {
    const said = [...code.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(([, line]) => line);
    const gateway = await startTestGateway();
    const { token } = await gateway.createTenant();
    const printed = await runPage(code, ["kysely"], { POSTGATE_URL: gateway.url, POSTGATE_TOKEN: token });
    await gateway.close();
    expect(printed.trim().split("\n")).toEqual(said);
    expect(said).toHaveLength(code.split("console.log(").length - 1);
  });

  it("names all that is exported", () => {
    const source = readFileSync(join(projectRoot, "src/kysely/index.ts"), "utf8");
    const names = [...source.matchAll(/\{([^}]+)\}/g)]
      .flatMap(([, list = ""]) => list.split(","))
      .map((name) => name.replace("type", "").trim());
    expect(names).toContain("PostgateDialect");
    expect(names.filter((name) => !page.includes(name))).toEqual([]);
  });
});
