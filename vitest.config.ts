import { configDefaults, defineConfig } from "vitest/config";
import { isFullTier } from "./test/support/tier.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...(isFullTier ? [] : ["test/**/*.full.test.ts"])],
    globalSetup: ["test/support/global-setup.ts"],
    setupFiles: ["test/support/clean-environment.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
