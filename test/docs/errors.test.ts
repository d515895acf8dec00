import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ERROR_CODES, REFUSAL_REASONS, type ErrorDetails } from "../../src/base/errors.ts";

const page = readFileSync(new URL("../../docs/reference/errors.md", import.meta.url), "utf8");

/** Every extra key of an error answer: the type makes the list complete. */
const DETAIL_KEYS = Object.keys({
  reason: true,
  position: true,
  max_rows: true,
  max_bytes: true,
  sqlstate: true,
  detail: true,
  hint: true,
  constraint: true,
  table: true,
  column: true,
  parameter: true,
  statement: true,
} satisfies Record<keyof ErrorDetails, true>);

interface Section {
  readonly code: string;
  readonly status: number;
  readonly text: string;
}

function sections(): Section[] {
  return page
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [code = "", ...lines] = section.split("\n");
      const text = lines.join("\n");
      return { code, status: Number(/^\*\*Status (\d{3})/m.exec(text)?.[1]), text };
    });
}

describe("docs/reference/errors.md", () => {
  const registered = Object.entries(ERROR_CODES).map(([code, { status }]) => ({ code, status }));

  it("lists exactly the registered codes with their statuses, in the same order", () => {
    const listed = [...page.matchAll(/^\| \[`([A-Z_]+)`\]\(#([a-z_]+)\) *\| (\d{3}) *\|$/gm)];
    expect(listed.map(([, code, , status]) => ({ code, status: Number(status) }))).toEqual(registered);
    for (const [, code, anchor] of listed) expect(anchor).toBe(code?.toLowerCase());
  });

  it("has a section for each registered code with its status", () => {
    expect(sections().map(({ code, status }) => ({ code, status }))).toEqual(registered);
  });

  it("explains exactly the registered reasons of a PARSE_ERROR, in the same order", () => {
    const text = sections().find(({ code }) => code === "PARSE_ERROR")?.text ?? "";
    expect([...text.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, reason]) => reason)).toEqual(REFUSAL_REASONS);
  });

  it("names every extra key, and no other", () => {
    const keys = sections().flatMap(({ text }) => {
      const paragraph = /^\*\*Extra keys:\*\*[^]*?(?=\n\n)/m.exec(text)?.[0] ?? "";
      return [...paragraph.matchAll(/`([a-z_]+)`/g)].map(([, key]) => key);
    });
    expect([...new Set(keys)].sort()).toEqual([...DETAIL_KEYS].sort());
  });
});
