// Checks the code of a page of the documentation: it returns the compiler's messages, and the output of a run.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { projectRoot } from "./cli.ts";

/** Returns all code blocks of the language as one module. */
export function codeOf(page: string, language = "ts"): string {
  const blocks = page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"));
  return [...blocks].map(([, block = ""]) => block).join("\n");
}

/** Compiles the text as a module of the repository, where `postgate/…` are its sources. Returns the compiler's messages. */
export function compilePage(code: string): string[] {
  const file = join(projectRoot, "page-of-the-documentation.mts");
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    types: ["node"],
    skipLibCheck: true,
    paths: { "postgate/*": [`${projectRoot}src/*/index.ts`] },
  };
  const host = ts.createCompilerHost(options);
  const fromDisk = { getSourceFile: host.getSourceFile.bind(host), fileExists: host.fileExists.bind(host) };
  host.fileExists = (name) => name === file || fromDisk.fileExists(name);
  const form = { languageVersion: ts.ScriptTarget.ES2023, impliedNodeFormat: ts.ModuleKind.ESNext } as const;
  host.getSourceFile = (name, ...rest) =>
    name === file ? ts.createSourceFile(file, code, form) : fromDisk.getSourceFile(name, ...rest);
  return ts
    .getPreEmitDiagnostics(ts.createProgram([file], options, host))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}

/** Runs the text as a user's module beside an installed `postgate`, which must be built. Resolves to its output. */
export async function runPage(code: string, packages: readonly string[], env: Record<string, string>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "postgate-page-"));
  const modules = join(folder, "node_modules");
  mkdirSync(modules);
  symlinkSync(projectRoot, join(modules, "postgate"));
  for (const name of packages) symlinkSync(join(projectRoot, "node_modules", name), join(modules, name));
  const options = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext };
  writeFileSync(join(folder, "page.mjs"), ts.transpile(code, options));
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, ["page.mjs"], { cwd: folder, env: { PATH, ...env } });
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  await once(child, "close");
  rmSync(folder, { recursive: true });
  return printed;
}
