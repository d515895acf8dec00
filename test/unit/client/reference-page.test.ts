// Checks docs/reference/client.md: its code compiles, and it names everything that the client exports.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as client from "../../../src/client/index.ts";
import { codeOf, compilePage } from "../../support/page-code.ts";

const root = new URL("../../../", import.meta.url).pathname;
const page = readFileSync(`${root}docs/reference/client.md`, "utf8");

describe("docs/reference/client.md", () => {
  it("has code that compiles", () => {
    const code = codeOf(page);
    expect(code).toContain("PostgateClient");
    expect(compilePage(code)).toEqual([]);
  });

  it.each(exportedNames())("names the export %s", (name) => {
    expect(page).toContain(name);
  });

  it("names each method of the admin client", () => {
    const methods = Object.getOwnPropertyNames(client.PostgateAdminClient.prototype);
    const named = methods.filter((method) => method !== "constructor" && page.includes(`\`${method}(`));
    expect(named).toEqual(["createDatabase", "deleteDatabase", "createToken", "rotateToken", "deleteToken"]);
  });
});

/** Returns all exported names. They are read from the source, because they include types. */
function exportedNames(): string[] {
  const source = readFileSync(`${root}src/client/index.ts`, "utf8");
  const lists = [...source.matchAll(/\{([^}]+)\}/g)].map(([, list = ""]) => list);
  return lists.flatMap((list) => list.split(",").map((name) => name.replace("type ", "").trim()));
}
