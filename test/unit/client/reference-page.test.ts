// docs/reference/client.md is held to the truth: its code compiles, and it names all that the client exports.

import { readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import * as client from "../../../src/client/index.ts";

const root = new URL("../../../", import.meta.url).pathname;
const page = readFileSync(`${root}docs/reference/client.md`, "utf8");

describe("docs/reference/client.md", () => {
  it("has code that compiles", () => {
    const code = [...page.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, block = ""]) => block).join("\n");
    expect(code).toContain("PostgateClient");
    expect(compile(code)).toEqual([]);
  });

  it.each(exportedNames())("names %s", (name) => {
    expect(page).toContain(name);
  });

  it("names each method of the admin client", () => {
    const methods = Object.getOwnPropertyNames(client.PostgateAdminClient.prototype);
    const named = methods.filter((method) => method !== "constructor" && page.includes(`\`${method}(`));
    expect(named).toEqual(["createDatabase", "deleteDatabase", "createToken", "rotateToken", "deleteToken"]);
  });
});

/** Types included, so read from the source. */
function exportedNames(): string[] {
  const source = readFileSync(`${root}src/client/index.ts`, "utf8");
  const lists = [...source.matchAll(/\{([^}]+)\}/g)].map(([, list = ""]) => list);
  return lists.flatMap((list) => list.split(",").map((name) => name.replace("type ", "").trim()));
}

/** The messages of the compiler for a module of the repository with this text. */
function compile(code: string): string[] {
  const file = `${root}client-reference-page.ts`;
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    types: ["node"],
    skipLibCheck: true,
    paths: { "postgate/client": [`${root}src/client/index.ts`] },
  };
  const host = ts.createCompilerHost(options);
  const fromDisk = { getSourceFile: host.getSourceFile.bind(host), fileExists: host.fileExists.bind(host) };
  host.fileExists = (name) => name === file || fromDisk.fileExists(name);
  host.getSourceFile = (name, ...rest) =>
    name === file ? ts.createSourceFile(file, code, ts.ScriptTarget.ES2023) : fromDisk.getSourceFile(name, ...rest);
  return ts
    .getPreEmitDiagnostics(ts.createProgram([file], options, host))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}
