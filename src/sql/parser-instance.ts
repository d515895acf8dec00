// Runs PostgreSQL's own parser, compiled to WebAssembly, in this thread. This file owns the parser's memory and replaces an instance
// that has failed. text-bounds.ts decides which texts may reach it.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import type { ParserModule } from "libpg-query/wasm/libpg-query.js";

export type ParseOutcome =
  | { readonly kind: "tree"; readonly json: string }
  /** PostgreSQL's own message; `position` is 1-based, in characters. */
  | { readonly kind: "syntax-error"; readonly message: string; readonly position: number | undefined }
  | { readonly kind: "too-complex" };

/** Holds the parser instance, and replaces it after a failure. */
export interface ParserInstance {
  readonly isReady: boolean;
  /** Resolves as soon as `parse` may be called. */
  readonly ready: () => Promise<void>;
  readonly parse: (sql: string) => ParseOutcome;
}

export function createParserInstance(compiled: () => Promise<WebAssembly.Module>): ParserInstance {
  let module: ParserModule | undefined;
  let loading: Promise<void> | undefined;
  return {
    get isReady() {
      return module !== undefined;
    },
    ready() {
      loading ??= instantiate(compiled()).then(
        (loaded) => {
          module = loaded;
        },
        (error: unknown) => {
          loading = undefined; // The next text tries again.
          throw error;
        },
      );
      return loading;
    },
    parse(sql) {
      if (module === undefined) throw new Error("The parser is used before it is ready");
      try {
        return parseWith(module, sql);
      } catch {
        // After a stack overflow or a trap the state of the instance's memory is unknown, and later texts would fail or hang.
        module = undefined;
        loading = undefined;
        return { kind: "too-complex" };
      }
    },
  };
}

let compiling: Promise<WebAssembly.Module> | undefined;

/** Compiles the module once, in about 40 ms in the background. Worker threads receive the compiled module. */
export function compileParser(): Promise<WebAssembly.Module> {
  compiling ??= readAndCompile().catch((error: unknown) => {
    compiling = undefined; // The next text tries again.
    throw error;
  });
  return compiling;
}

async function readAndCompile(): Promise<WebAssembly.Module> {
  const path = createRequire(import.meta.url).resolve("libpg-query/wasm/libpg-query.wasm");
  return WebAssembly.compile(await readFile(path));
}

async function instantiate(compiled: Promise<WebAssembly.Module>): Promise<ParserModule> {
  const [module, factory] = await Promise.all([compiled, import("libpg-query/wasm/libpg-query.js")]);
  return factory.default({
    instantiateWasm: (imports, receive) => {
      receive(new WebAssembly.Instance(module, imports));
    },
    printErr: () => undefined, // The exception carries the same text.
  });
}

/** Parses a text. It frees no memory if the parser throws, because the instance is then discarded. */
function parseWith(module: ParserModule, sql: string): ParseOutcome {
  const text = copyIn(module, sql);
  const result = module._wasm_parse_query_raw(text);
  const outcome = readOutcome(module, result);
  module._free(text);
  module._wasm_free_parse_result(result);
  return outcome;
}

function copyIn(module: ParserModule, sql: string): number {
  const bytes = Buffer.byteLength(sql);
  const pointer = module._malloc(bytes + 1);
  if (pointer === 0) throw new Error("The parser has no memory left");
  // HEAPU8 must be read after malloc, because a memory that grows gets a new buffer.
  const { HEAPU8: memory } = module;
  new TextEncoder().encodeInto(sql, memory.subarray(pointer, pointer + bytes));
  memory[pointer + bytes] = 0;
  return pointer;
}

function readOutcome(module: ParserModule, result: number): ParseOutcome {
  if (result === 0) throw new Error("The parser has no memory left");
  const error = module.getValue(result + 8, "i32");
  if (error === 0) return { kind: "tree", json: module.UTF8ToString(module.getValue(result, "i32")) };
  const message = module.UTF8ToString(module.getValue(error, "i32"));
  // PostgreSQL reports an overflow of the grammar's own stack as a syntax error, and only this text tells the two apart.
  if (message.startsWith("memory exhausted")) return { kind: "too-complex" };
  const position = module.getValue(error + 16, "i32");
  return { kind: "syntax-error", message, position: position > 0 ? position : undefined };
}
