import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { createMetrics } from "../../src/observability/metrics.ts";

const page = readFileSync(new URL("../../docs/reference/operations.md", import.meta.url), "utf8");

it("docs/reference/operations.md lists every number of /metrics with its labels, and no other", () => {
  const metrics = createMetrics();
  const registered = metrics.registry.getMetricsAsArray().filter(({ name }) => name.startsWith("postgate_"));
  const rows = [...page.matchAll(/^\| `(postgate_[a-z_]+)` \| (?:`([a-z]+)`)? ?\|/gm)];
  const labelsOf = (name: string): string | undefined =>
    (metrics.registry.getSingleMetric(name) as unknown as { labelNames: string[] }).labelNames[0];
  expect(rows.map(([, name, label]) => ({ name, label }))).toEqual(
    registered.map(({ name }) => ({ name, label: labelsOf(name) })),
  );
  // What the rest of the page calls "the process".
  const others = metrics.registry.getMetricsAsArray().filter(({ name }) => !name.startsWith("postgate_"));
  expect(new Set(others.map(({ name }) => name.split("_")[0]))).toEqual(new Set(["nodejs", "process"]));
});
