import { afterAll, describe, expect, it } from "vitest";

import { GatewayError } from "../../src/base/errors.ts";
import { PERMISSIONS } from "../../src/base/permissions.ts";
import type { ApprovedStatement } from "../../src/policy/approved-statement.ts";
import { createJudge } from "../../src/policy/create-judge.ts";

const repeat = (text: string, count: number) => text.repeat(count);

/** Shapes of texts. The count decides the size of a text, and each shape has counts below and above the bounds. */
const SHAPES: readonly { name: string; counts: readonly number[]; text: (count: number) => string }[] = [
  { name: "left-deep sums", counts: [900, 7_400, 8_500, 60_000], text: (n) => `select 1${repeat("+1", n)}` },
  { name: "chained casts", counts: [900, 7_500, 20_000], text: (n) => `select 1${repeat("::int", n)}` },
  { name: "UNION arms", counts: [600, 7_500, 14_000], text: (n) => `select 1${repeat(" union select 1", n)}` },
  { name: "JOINs", counts: [600, 7_500, 18_000], text: (n) => `select from a${repeat(" natural join a", n)}` },
  { name: "signs", counts: [400, 2_000, 8_000, 200_000], text: (n) => `select ${repeat("-+", n)}1` },
  { name: "empty comments", counts: [100, 1_000, 60_000], text: (n) => `${repeat("/**/", n)}select 1` },
  {
    name: "nested comments",
    counts: [900, 2_000, 20_000],
    text: (n) => `${repeat("/*", n)}${repeat("*/", n)}select 1`,
  },
  { name: "parentheses", counts: [900, 5_000, 100_000], text: (n) => `select ${repeat("(", n)}1${repeat(")", n)}` },
  {
    name: "sub-selects",
    counts: [600, 3_000, 9_000],
    text: (n) => `select ${repeat("exists(select ", n)}1${repeat(")", n)}`,
  },
  { name: "arrays", counts: [900, 4_900, 20_000], text: (n) => `select array${repeat("[", n)}1${repeat("]", n)}` },
  {
    name: "CASE",
    counts: [400, 1_900, 9_000],
    text: (n) => `select ${repeat("case when ", n)}1${repeat(" then 1 end", n)}`,
  },
  { name: "calls", counts: [600, 4_900, 20_000], text: (n) => `select ${repeat("f(", n)}1${repeat(")", n)}` },
  { name: "postfix tests", counts: [1_900, 25_000, 40_000], text: (n) => `select 1${repeat(" isnull", n)}` },
  { name: "long lists", counts: [900, 24_000, 100_000], text: (n) => `select 1 in (1${repeat(",1", n)})` },
  { name: "parameters", counts: [900, 20_000, 80_000], text: (n) => `select $1${repeat(",$1", n)}` },
  { name: "huge strings", counts: [60_000, 250_000, 5_000_000], text: (n) => `select '${repeat("x", n)}'` },
  { name: "unclosed dollar quotes", counts: [600, 20_000, 80_000], text: (n) => `select ${repeat("$a$ $b", n)}` },
  { name: "many statements", counts: [600, 9_000, 20_000], text: (n) => repeat("select 1;", n) },
];

/** The allowed answers. `f` is not an allowed function, and `$b` is not a parameter, so these two shapes are refused. */
const ANSWERS = ["FUNCTION_NOT_ALLOWED", "MULTIPLE_STATEMENTS", "SELECT", "SYNTAX_ERROR", "TOO_COMPLEX"];

const TOTAL = 2_000;

/** Maximum growth of the whole process between the 500th and the last text. The first 500 fill caches, heaps and the worker's stack. */
const MAX_GROWTH_BYTES = 96 * 1024 * 1024;

const judge = createJudge();
afterAll(() => judge.close());

function verdictOn(sql: string, tenant: string): Promise<ApprovedStatement> {
  return judge.approve(sql, { kind: "tenant", permissions: new Set(PERMISSIONS), tenant });
}

async function answerTo(text: string, tenant: string): Promise<string> {
  try {
    return (await verdictOn(text, tenant)).operation;
  } catch (error) {
    if (error instanceof GatewayError) return error.details.reason ?? error.code;
    throw error;
  }
}

/** Makes each text different, because the judge remembers the verdict on a text. */
function unremembered(text: string, index: number): string {
  return `${text}\n-- ${index}`;
}

function hostileText(index: number): { name: string; text: string } {
  const shape = SHAPES[index % SHAPES.length];
  if (shape === undefined) throw new Error("No shapes");
  // Most texts have the smallest size, because only these reach the parser of the main thread.
  const round = Math.floor(index / SHAPES.length);
  const size = round % 16 < shape.counts.length ? round % 16 : 0;
  return { name: shape.name, text: unremembered(shape.text(shape.counts[size] ?? 1), index) };
}

describe("hostile texts", () => {
  it("change neither the parser's answers to other texts nor its memory", { timeout: 120_000 }, async () => {
    const controls = ["select a, b from t where c = $1 order by 1", `select 'é${repeat(" ", 70_000)}'`];
    const factsAt = (index: number) =>
      Promise.all(
        controls.map(async (sql) => ({ ...(await verdictOn(unremembered(sql, index), "honest")), text: undefined })),
      );
    const before = await factsAt(-1);
    const answers = new Set<string>();
    let settledBytes = 0;

    for (let index = 0; index < TOTAL; index += 1) {
      if (index === 500) settledBytes = process.memoryUsage().rss;
      const { name, text } = hostileText(index);
      const answer = await answerTo(text, "hostile");
      answers.add(answer);
      expect(ANSWERS, name).toContain(answer);
      if (index % 20 === 0) expect(await factsAt(index)).toEqual(before);
    }

    expect([...answers].sort()).toEqual(ANSWERS);
    expect(process.memoryUsage().rss - settledBytes).toBeLessThan(MAX_GROWTH_BYTES);
  });

  it.each(SHAPES)("cause no trap in the parser of the main thread: $name", async ({ text, counts: [smallest = 1] }) => {
    // A trap in the parser is answered TOO_COMPLEX. The smallest text of each shape must be parsed to its end.
    expect(await answerTo(text(smallest), "hostile")).not.toBe("TOO_COMPLEX");
  });

  it("are refused in each shape if they exceed the bounds", async () => {
    for (const { name, text, counts } of SHAPES) {
      const largest = text(counts.at(-1) ?? 1);
      expect(["TOO_COMPLEX", "SYNTAX_ERROR"], name).toContain(await answerTo(largest, "hostile"));
    }
  });
});
