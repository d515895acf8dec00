import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { type Setting, SETTINGS } from "../../src/config/settings.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const settings = Object.values<Setting<unknown>>(SETTINGS).map(({ name, defaultText, form }) => ({
  name,
  defaultText,
  form,
}));

describe("docs/reference/configuration.md", () => {
  it("lists every setting with its default and what it accepts", () => {
    const rows = [...read("docs/reference/configuration.md").matchAll(/^\| `([A-Z_]+)` \| `?(.*?)`? \| (.*?) \|/gm)];

    expect(rows.map(([, name, defaultText, form]) => ({ name, defaultText, form }))).toEqual(settings);
  });
});

describe(".env.example", () => {
  it("lists every setting with its default, as comments", () => {
    const rows = [...read(".env.example").matchAll(/^# (.*)\n# ([A-Z_]+)=(.*)$/gm)];

    expect(rows.map(([, form, name, defaultText]) => ({ name, defaultText, form }))).toEqual(settings);
    expect(parseEnv(read(".env.example"))).toEqual({});
  });

  it("has defaults that are what counts without them", () => {
    const uncommented = Object.fromEntries(
      settings.filter(({ defaultText }) => defaultText !== "").map(({ name, defaultText }) => [name, defaultText]),
    );
    delete uncommented["POSTGRES_PORT"]; // One part asks for the others.

    expect(loadConfig(uncommented, { cwd: "/" })).toEqual(loadConfig({}, { cwd: "/" }));
  });
});
