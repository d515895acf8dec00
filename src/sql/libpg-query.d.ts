// Declares the part of libpg-query's Emscripten factory that parser-instance.ts uses. The package declares types only for its wrapper,
// which starts one instance at import and cannot replace it.
declare module "libpg-query/wasm/libpg-query.js" {
  export interface ParserModule {
    readonly HEAPU8: Uint8Array;
    readonly _malloc: (bytes: number) => number;
    readonly _free: (pointer: number) => void;
    /** Returns a pointer to `{ char *tree; char *stderr; PgQueryError *error; }`. */
    readonly _wasm_parse_query_raw: (text: number) => number;
    readonly _wasm_free_parse_result: (result: number) => void;
    readonly getValue: (pointer: number, type: "i32") => number;
    readonly UTF8ToString: (pointer: number) => string;
  }

  interface FactoryOptions {
    readonly instantiateWasm: (imports: WebAssembly.Imports, receive: (instance: WebAssembly.Instance) => void) => void;
    readonly printErr: (line: string) => void;
  }

  const createModule: (options: FactoryOptions) => Promise<ParserModule>;
  // eslint-disable-next-line no-restricted-syntax -- the package's own export
  export default createModule;
}

// Every JavaScript engine has WebAssembly, but TypeScript declares it only together with the browser's DOM.
declare namespace WebAssembly {
  type Imports = Readonly<Record<string, unknown>>;
  class Module {
    private readonly compiled: never;
  }
  class Instance {
    readonly exports: Readonly<Record<string, unknown>>;
    constructor(module: Module, imports: Imports);
  }
  function compile(bytes: Uint8Array): Promise<Module>;
}
