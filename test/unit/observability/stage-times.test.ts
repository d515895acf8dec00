import { Histogram, Registry } from "prom-client";
import { expect, it } from "vitest";
import { createStageTimes } from "../../../src/observability/stage-times.ts";

const BOUNDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const DURATIONS_MS = [0, 0.1, 0.10001, 3, 3, 25, 29_999, 30_000, 30_001, 1e9];

/** Lines without the order of labels, which means nothing. */
async function linesOf(registry: Registry): Promise<readonly string[]> {
  const lines = (await registry.metrics()).trim().split("\n");
  return lines.map((line) =>
    line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(",").sort().join(",")}}`),
  );
}

it("shows what the library's own histogram shows", async () => {
  const [own, library] = [new Registry(), new Registry()];
  const recorderOf = createStageTimes(own, "times", "Some times");
  const histogram = new Histogram({
    ...{ name: "times", help: "Some times", labelNames: ["stage"], buckets: BOUNDS, registers: [library] },
  });
  for (const stage of ["judge", "execute"]) {
    const record = recorderOf(stage);
    for (const durationMs of DURATIONS_MS) {
      record(durationMs);
      histogram.observe({ stage }, durationMs / 1_000);
    }
  }

  const sum = /_sum\{stage="\w+"\} (.*)/;
  const [ownLines, libraryLines] = [await linesOf(own), await linesOf(library)];
  expect(ownLines.map((line) => line.replace(sum, "_sum"))).toEqual(
    libraryLines.map((line) => line.replace(sum, "_sum")),
  );
  for (const [index, line] of ownLines.entries()) {
    const [, value] = sum.exec(line) ?? [];
    if (value !== undefined) expect(Number(value)).toBeCloseTo(Number(sum.exec(libraryLines[index] ?? "")?.[1]), 6);
  }
});
