import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";

const MAX_GZIPPED_BYTES = 4_000;

describe("the client bundled for a browser", () => {
  let text: string;

  beforeAll(async () => {
    const entry = new URL("../../../src/client/index.ts", import.meta.url).pathname;
    // With the platform "browser", esbuild itself refuses an import of node:.
    const { outputFiles } = await build({
      entryPoints: [entry],
      bundle: true,
      minify: true,
      format: "esm",
      platform: "browser",
      write: false,
    });
    text = outputFiles[0]?.text ?? "";
  });

  it(`is smaller than ${MAX_GZIPPED_BYTES} bytes when it is gzipped`, () => {
    expect(text).toContain("PostgateClient");
    expect(gzipSync(text).byteLength).toBeLessThan(MAX_GZIPPED_BYTES);
  });

  it("imports nothing and uses nothing of Node", () => {
    expect(text).not.toMatch(/\b(import|require|process|Buffer)\b/);
  });
});
