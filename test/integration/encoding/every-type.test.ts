// The encoder against PostgreSQL itself: random values of every type, alone and in arrays of random shape. What is
// expected of an array is made from unnest()'s elements, so that array text is never parsed twice by the same code.

import fc from "fast-check";
import pg from "pg";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeAnswer } from "../../../src/encoding/encode-answer.ts";
import type { ResultSet } from "../../../src/execution/results/result-set.ts";
import { textOfRow } from "../../support/data-row.ts";
import { createTestDatabase, hasCluster, type TestDatabase } from "../../support/cluster.ts";
import { connect, fetchResultSet } from "./fetch-result-set.ts";
import { BUILTIN_SAMPLES, USER_SAMPLES, USER_TYPES_SQL, WITHOUT_INPUT } from "./sample-values.ts";

function encodeResultSet(result: ResultSet): string {
  return encodeAnswer([result], { isBatch: false, statements: [] }, Number.POSITIVE_INFINITY).toString();
}

const RUNS = 25;
const NUMBERS = ["int2", "int4", "oid", "float4", "float8"];
const DOCUMENTS = ["json", "jsonb"];

/** The contract's table once more, from a value's text to its JavaScript value. */
function expectedOf(type: string, text: string | null): unknown {
  if (text === null) return null;
  if (NUMBERS.includes(type)) return /^-?(NaN|Infinity)$/.test(text) ? text : Number(text);
  if (type === "int8") return BigInt(text) === BigInt(Number(text)) && isSafe(text) ? Number(text) : text;
  if (type === "bool") return text === "t";
  if (DOCUMENTS.includes(type)) return JSON.parse(text);
  if (type === "timestamptz") return text.replace(/^(\S+) (\S+)\+00$/, "$1T$2+00:00");
  return text;
}

function isSafe(text: string): boolean {
  return BigInt(text) <= 9007199254740991n && BigInt(text) >= -9007199254740991n;
}

interface Shape {
  readonly lengths: number[];
  readonly lowerBound: number;
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  lengths: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
  lowerBound: fc.integer({ min: -1, max: 2 }),
});

function nest(elements: readonly unknown[], lengths: readonly number[]): unknown {
  const [length, ...inner] = lengths;
  if (length === undefined) return elements[0];
  const size = elements.length / length;
  return Array.from({ length }, (_, index) => nest(elements.slice(index * size, (index + 1) * size), inner));
}

/** The literal of a text[], every element quoted. */
function literalOf(elements: readonly (string | null)[], { lengths, lowerBound }: Shape): string {
  const bounds = lengths.map((length) => `[${lowerBound}:${lowerBound + length - 1}]`).join("");
  const write = (value: unknown): string => {
    if (Array.isArray(value)) return `{${value.map(write).join(",")}}`;
    return value === null ? "NULL" : `"${(value as string).replaceAll(/["\\]/g, "\\$&")}"`;
  };
  return `${bounds}=${write(nest(elements, lengths))}`;
}

interface Answer {
  readonly rows: readonly { readonly v: unknown }[];
}

async function decoded(client: pg.Client, sql: string, values: unknown[]): Promise<unknown> {
  const { rows } = JSON.parse(encodeResultSet(await fetchResultSet(client, sql, values))) as Answer;
  return rows[0]?.v;
}

async function texts(client: pg.Client, sql: string, values: unknown[]): Promise<(string | null)[]> {
  return (await fetchResultSet(client, sql, values)).rows.map((row) => textOfRow(row)[0] ?? null);
}

async function expectScalars(client: pg.Client, type: string, expected: Expected): Promise<void> {
  const property = fc.asyncProperty(expected.values, async (value) => {
    const sql = `select $1::text::${type} as v`;
    const [text] = await texts(client, sql, [value]);
    expect(await decoded(client, sql, [value])).toEqual(await expected.of(text ?? null));
  });
  await fc.assert(property, { numRuns: RUNS });
}

async function expectArrays(client: pg.Client, type: string, expected: Expected): Promise<void> {
  const elementsOf = ({ lengths }: Shape) =>
    fc.array(fc.option(expected.values), {
      minLength: lengths.reduce((product, length) => product * length, 1),
      maxLength: lengths.reduce((product, length) => product * length, 1),
    });
  const arrays = shapes.chain((shape) => fc.tuple(fc.constant(shape), elementsOf(shape)));
  const property = fc.asyncProperty(arrays, async ([shape, elements]) => {
    const literal = literalOf(elements, shape);
    const elementTexts = await texts(client, `select unnest($1::text::text[]::${type}[])`, [literal]);
    const values = await Promise.all(elementTexts.map((text) => expected.of(text)));
    const actual = await decoded(client, `select $1::text::text[]::${type}[] as v`, [literal]);
    expect(actual).toEqual(nest(values, shape.lengths));
  });
  await fc.assert(property, { numRuns: RUNS });
}

interface Expected {
  readonly values: fc.Arbitrary<string>;
  readonly of: (text: string | null) => Promise<unknown>;
}

function builtin(type: string): Expected {
  const values = BUILTIN_SAMPLES[type];
  if (values === undefined) throw new Error(`No samples of ${type}`);
  return { values, of: (text) => Promise.resolve(expectedOf(type, text)) };
}

function userType(client: pg.Client, name: string): Expected {
  const sample = USER_SAMPLES[name];
  if (sample === undefined) throw new Error(`No samples of ${name}`);
  const { values, base } = sample;
  if (typeof base !== "object") return { values, of: (text) => Promise.resolve(expectedOf(base ?? name, text)) };
  // A domain over an array: the server itself says what the elements are.
  const toArray = async (text: string | null): Promise<unknown> =>
    text === null ? null : (await client.query<{ v: unknown }>("select to_json($1::text[]) as v", [text])).rows[0]?.v;
  return { values, of: toArray };
}

/** A distribution may have built PostgreSQL without libxml: the type is there then, and takes no value. */
async function canRead(client: pg.Client, type: string): Promise<boolean> {
  if (type !== "xml") return true;
  const outcome = await client.query("select '<a/>'::xml").catch((error: unknown) => error);
  return !(outcome instanceof pg.DatabaseError && outcome.code === "0A000");
}

for (const version of [18, 15] as const) {
  describe.skipIf(!hasCluster(version))(`on PostgreSQL ${version}`, () => {
    let database: TestDatabase;
    let client: pg.Client;

    beforeAll(async () => {
      database = await createTestDatabase(version);
      await database.query(USER_TYPES_SQL);
      client = await connect(database.connection);
      return async () => {
        await client.end();
        await database.close();
      };
    });

    it("every type that a column can have is in this test", async () => {
      const types = await database.query(
        `select typname from pg_type
         where oid < 10000 and typtype in ('b', 'r', 'm') and typinput <> 'array_in'::regproc`,
      );
      const known = [...Object.keys(BUILTIN_SAMPLES), ...WITHOUT_INPUT];
      const found = types.map(({ typname }: { typname: string }) => typname);
      const news = found.filter((name) => !known.includes(name));
      // A minor release of the system's PostgreSQL may bring some; the judge refuses a type that it does not know.
      if (version !== 18 && news.length > 0)
        console.warn(`News in PostgreSQL ${version}: types without samples: ${news.join(", ")}`);
      expect([...found].sort()).toEqual([...known, ...(version === 18 ? [] : news)].sort());
    });

    it.each(Object.keys(BUILTIN_SAMPLES))("a value of type %s is its text's", async (type) => {
      if (await canRead(client, type)) await expectScalars(client, `pg_catalog."${type}"`, builtin(type));
    });

    it.each(Object.keys(BUILTIN_SAMPLES))("an array of %s is its elements'", async (type) => {
      if (await canRead(client, type)) await expectArrays(client, `pg_catalog."${type}"`, builtin(type));
    });

    it.each(DOCUMENTS)("a document of type %s keeps its digits, spaces and keys: it is its text", async (type) => {
      const number = fc.stringMatching(/^-?[1-9][0-9]{0,40}(\.[0-9]{1,30})?(e[1-9])?$/);
      const space = fc.constantFrom("", " ", "  ");
      const property = fc.asyncProperty(fc.array(number, { minLength: 1 }), space, async (numbers, gap) => {
        const twice = `{"a":${gap}${numbers[0] ?? ""},${gap}"a": [${numbers.join(`${gap},`)}]${gap}}`;
        const sql = `select $1::text::${type} as v`;
        const [text] = await texts(client, sql, [twice]);
        if (type === "json") expect(text).toBe(twice);
        expect(encodeResultSet(await fetchResultSet(client, sql, [twice]))).toBe(
          `{"rows":[{"v":${text ?? ""}}],"row_count":1}`,
        );
        const array = await fetchResultSet(client, `select array[$1::text::${type}] as v`, [twice]);
        expect(encodeResultSet(array)).toBe(`{"rows":[{"v":[${text ?? ""}]}],"row_count":1}`);
      });
      await fc.assert(property, { numRuns: RUNS });
    });

    it.each(Object.keys(USER_SAMPLES))("a value of the own type %s is its text's", (name) =>
      expectScalars(client, name, userType(client, name)),
    );

    it.each(Object.keys(USER_SAMPLES))("an array of the own type %s is its elements'", (name) =>
      expectArrays(client, name, userType(client, name)),
    );
  });
}
