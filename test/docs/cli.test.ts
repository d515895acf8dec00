import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../src/cli/program.ts";

const page = readFileSync(new URL("../../docs/reference/cli.md", import.meta.url), "utf8");
const program = createProgram({
  terminal: { print: () => undefined, note: () => undefined },
  signal: new AbortController().signal,
});

/** What the section of a command shows: each row's name, default and meaning. */
function documentedRows(command: string): string[][] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${command}\n`)) ?? "";
  return [...section.matchAll(/^\| `(.+?)` \| (?:`(.+?)`)? ?\| (.+) \|$/gm)].map(([, ...cells]) =>
    cells.map((cell: string | undefined) => cell ?? ""),
  );
}

function actualRows(command: Command): string[][] {
  const toRow = (name: string, { defaultValue, description }: { defaultValue?: unknown; description: string }) => [
    name,
    typeof defaultValue === "string" ? defaultValue : "",
    description,
  ];
  return [
    ...command.registeredArguments.map((argument) => toRow(argument.name(), argument)),
    ...command.options.map((option) => toRow(option.flags, option)),
  ];
}

describe("docs/reference/cli.md", () => {
  it("has a section for each command, in the order of help", () => {
    const sections = [...page.matchAll(/^## (.+)$/gm)].map(([, name]) => name);

    expect(sections).toEqual(program.commands.map((command) => command.name()));
  });

  it.each(program.commands.map((command) => ({ name: command.name(), command })))(
    "describes the arguments and flags of $name as its help does",
    ({ name, command }) => {
      expect(documentedRows(name)).toEqual(actualRows(command));
    },
  );

  it.each(program.commands.map((command) => ({ usage: `postgate ${command.name()} ${command.usage()}` })))(
    "shows the usage $usage",
    ({ usage }) => {
      expect(page).toContain(`\`${usage.replace(/^(postgate (?:serve|migrate)) .*$/, "$1")}\``);
    },
  );

  it("names the flags that every command has", () => {
    for (const { flags } of program.options) expect(page).toContain(`\`${flags}\``);
    expect(page).toContain("`-h, --help`");
  });
});
