import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_ARRAY_DEPTH } from "../../../src/http/body/statement-request.ts";
import { parseQueryBody } from "../../../src/http/parse-query-body.ts";
import {
  DEFAULT_FORM,
  type QueryRequest,
  type StatementRequest,
  type ResultForm,
} from "../../../src/base/query-request.ts";
import { MAX_PARAMETERS, type Parameter } from "../../../src/base/parameters.ts";

function parseBytes(bytes: Buffer): QueryRequest {
  const request = parseQueryBody(bytes, () => Promise.reject(new Error("This body is not small")));
  if (request instanceof Promise) throw new Error("This body is not small");
  return request;
}

/** Reads a body of any size. A large one is read in slices of `sliceBytes`. */
async function parseSliced(text: string, sliceBytes: number): Promise<QueryRequest> {
  return parseQueryBody(Buffer.from(text), async (work) => {
    while (!work.advance(sliceBytes)) await Promise.resolve();
  });
}

async function paramsOfLarge(params: string, sliceBytes = 65_536): Promise<readonly Parameter[]> {
  const { statements } = await parseSliced(`{"sql":"","note":"${" ".repeat(70_000)}","params":${params}}`, sliceBytes);
  return statements[0]?.params ?? [];
}

function parseWhole(text: string): StatementRequest {
  const [statement] = parseBytes(Buffer.from(text)).statements;
  if (statement === undefined) throw new Error("No statement");
  return statement;
}

function parse(text: string): Pick<StatementRequest, "sql" | "params"> {
  const { sql, params } = parseWhole(text);
  return { sql, params };
}

/** Returns the parameters of a body whose `params` is this JSON text. */
function paramsOf(params: string): readonly Parameter[] {
  return parse(`{"sql":"","params":${params}}`).params;
}

/** Returns the text of a parameter that is not null. */
function textOf(parameter: Parameter | undefined): string {
  if (parameter === undefined || parameter.kind === "null") throw new Error("The parameter has no text");
  return parameter.text.toString();
}

describe("the form of the body", () => {
  it.each([
    ['{"sql":"SELECT 1"}', { sql: "SELECT 1", params: [] }],
    ['{"sql":"SELECT 1","params":null}', { sql: "SELECT 1", params: [] }],
    ['{"sql":"SELECT 1","params":[]}', { sql: "SELECT 1", params: [] }],
    ['{"sql":""}', { sql: "", params: [] }],
    ['\uFEFF{"sql":"after a byte-order mark"}', { sql: "after a byte-order mark", params: [] }],
    [' \r\n\t{ "params" : [ 1 ] , "sql" : "x" } ', { sql: "x", params: [{ kind: "integer", text: "1" }] }],
    ['{"sql":"x","extra":{"params":[1],"sql":2}}', { sql: "x", params: [] }],
    ['{"extra":"\\"params\\":[1]","sql":"x"}', { sql: "x", params: [] }],
    ['{"sql":"first","sql":"last"}', { sql: "last", params: [] }],
    ['{"sql":"x","params":[1],"params":["a"]}', { sql: "x", params: [{ kind: "string", text: "a" }] }],
    ['{"sql":"x","params":[1],"params":null}', { sql: "x", params: [] }],
    ['{"sql":"x","params":"no","params":[true]}', { sql: "x", params: [{ kind: "boolean", text: "true" }] }],
    ['{"sql":"x","par\\u0061ms":[1]}', { sql: "x", params: [{ kind: "integer", text: "1" }] }],
    ['{"__proto__":{"sql":"y","params":[1]},"sql":"x"}', { sql: "x", params: [] }],
    ['{"constructor":1,"toString":2,"sql":"x"}', { sql: "x", params: [] }],
    ['{"sq":1,"parameters":[2],"sqls":3,"row":4,"sql":"x"}', { sql: "x", params: [] }],
    ['{"\\u0073\\u0071\\u006c":"x"}', { sql: "x", params: [] }],
    ['{"sql":"x","statements":null}', { sql: "x", params: [] }],
  ])("a statement and its parameters are read from %s", (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it.each<[string, Partial<ResultForm>]>([
    ["", {}],
    ['"row_mode":null,"types":null,"fields":null,', {}],
    ['"row_mode":"object","types":"json","fields":false,', {}],
    ['"row_mode":"array",', { rowMode: "array" }],
    ['"types":"text",', { types: "text" }],
    ['"fields":true,', { withFields: true }],
    ['"fields":true,"types":"text","row_mode":"array",', { rowMode: "array", types: "text", withFields: true }],
  ])("the form of the answer is read from {%s…}", (keys, form) => {
    expect(parseWhole(`{${keys}"sql":"x"}`).form).toEqual({ ...DEFAULT_FORM, ...form });
  });

  it.each([
    ["", "The body is empty"],
    ['{"sql":"x","row_mode":"Array"}', '"row_mode" must be one of "object", "array"'],
    ['{"sql":"x","row_mode":["array"]}', '"row_mode" must be'],
    ['{"sql":"x","types":true}', '"types" must be one of "json", "text"'],
    ['{"sql":"x","fields":1}', '"fields" is a number; it must be true or false'],
    ['{"sql":"x","fields":"true"}', '"fields" is a string'],
    [" \n", "The body is empty"],
    ["{", "The body is not valid JSON"],
    ['{"sql":"x"} x', "The body is not valid JSON"],
    ["{sql:'x'}", "The body is not valid JSON"],
    ['{"sql":"x","params":[1,]}', "The body is not valid JSON"],
    ['{"sql":"x","params":[01]}', "The body is not valid JSON"],
    ['{"sql":"x","params":[NaN]}', "The body is not valid JSON"],
    ['{"sql":"a\u0000b"}', "The body is not valid JSON"],
    ["null", "The body is null;"],
    ["[]", "The body is an array;"],
    ['"SELECT 1"', "The body is a string;"],
    ["1", "The body is a number;"],
    ["{}", '"sql" is missing'],
    ['{"SQL":"x"}', 'The body has the key "SQL"; write "sql"'],
    ['{"sql":"x","readOnly":true}', 'The body has the key "readOnly"; write "read_only"'],
    ['{"sql":"x","read-only":true}', 'The body has the key "read-only"; write "read_only"'],
    ['{"sql":"x","rowMode":"array"}', 'The body has the key "rowMode"; write "row_mode"'],
    ['{"sql":"x","param_s":[1]}', 'The body has the key "param_s"; write "params"'],
    ['{"statements":[{"sql":"x","Params":[1]}]}', 'The body has the key "Params"; write "params"'],
    ['{"__proto__":{"sql":"x"}}', '"sql" is missing'],
    ['{"sql":1}', '"sql" is a number'],
    ['{"sql":null}', '"sql" is null'],
    ['{"sql":["SELECT 1"]}', '"sql" is an array'],
    ['{"sql":{"text":"SELECT 1","values":[]}}', '"sql" is an object'],
    ['{"sql":"x","params":{"0":1}}', '"params" is an object'],
    ['{"sql":"x","params":"1"}', '"params" is a string'],
    ['{"sql":"x","params":0}', '"params" is a number'],
    ['{"sql":"x","params":false}', '"params" is a boolean'],
  ])("the body %j is refused with a message that names the fault", (text, message) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
    expect(() => parse(text)).toThrow(message);
  });

  it.each([
    ["a stray byte", [0xff]],
    ["an overlong form", [0xc0, 0xaf]],
    ["a surrogate in UTF-8", [0xed, 0xa0, 0x80]],
    ["a cut character", [0xe2, 0x82]],
  ])("a body that is not UTF-8 is refused: %s", (_name, bytes) => {
    const body = Buffer.concat([Buffer.from('{"sql":"'), Buffer.from(bytes), Buffer.from('"}')]);
    expect(() => parseBytes(body)).toThrow("The body is not valid UTF-8");
  });
});

describe("the parameters of a body", () => {
  it.each([
    ["1", { kind: "integer", text: "1" }],
    ["-0", { kind: "integer", text: "-0" }],
    ["12345678901234567890123", { kind: "integer", text: "12345678901234567890123" }],
    ["1.0", { kind: "number", text: "1.0" }],
    ["1e400", { kind: "number", text: "1e400" }],
    ["1E5", { kind: "number", text: "1E5" }],
    ["0.1000000000000000055511151231257827", { kind: "number", text: "0.1000000000000000055511151231257827" }],
    ["true", { kind: "boolean", text: "true" }],
    ["false", { kind: "boolean", text: "false" }],
    ["null", { kind: "null" }],
    ['""', { kind: "string", text: "" }],
    ['"a\\"],[{\\\\"', { kind: "string", text: 'a"],[{\\' }],
    ['"\\ud83d\\ude00 \\u00e4 \\n"', { kind: "string", text: "😀 ä \n" }],
    ['"1.0"', { kind: "string", text: "1.0" }],
    ["{}", { kind: "object", text: "{}" }],
    ['{"b":1.0,"1":[2.50,"}"],"b":1e400}', { kind: "object", text: '{"b":1.0,"1":[2.50,"}"],"b":1e400}' }],
    ['{"__proto__":{"a":1}}', { kind: "object", text: '{"__proto__":{"a":1}}' }],
    ["[]", { kind: "array", text: "[]" }],
    ['[1.0, [null,"]"] ,{"a":[1]}]', { kind: "array", text: '[1.0, [null,"]"] ,{"a":[1]}]' }],
    ['["a\\\\", "\\"]"]', { kind: "array", text: '["a\\\\", "\\"]"]' }],
  ])("keep the JSON kind and the text of %s", (source, expected) => {
    expect(paramsOf(`[${source}]`)).toEqual([expected]);
    expect(paramsOf(`[ 0 ,\n${source}\t, 0 ]`)[1]).toEqual(expected);
  });

  it("cannot change Object.prototype with the key __proto__", () => {
    paramsOf('[{"__proto__":{"polluted":true}}]');
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("may be 65,535 in a statement, and are refused beyond that", async () => {
    const list = (count: number): string => `[${"1,".repeat(count - 1)}1]`;
    expect(await paramsOfLarge(list(MAX_PARAMETERS))).toHaveLength(65_535);
    await expect(paramsOfLarge(list(MAX_PARAMETERS + 1))).rejects.toThrow('"params" has 65536 elements');
  });

  it("may be 250,000 in all statements of a batch together, and are refused beyond that", async () => {
    const batch = (count: number): string => {
      const statement = (size: number): string => `{"sql":"x","params":[${"1,".repeat(size - 1)}1]}`;
      return `{"statements":[${[50_000, 50_000, 50_000, 50_000, count - 200_000].map(statement).join()}]}`;
    };
    const { statements } = await parseSliced(batch(250_000), 65_536);
    expect(statements.map(({ params }) => params.length)).toEqual([50_000, 50_000, 50_000, 50_000, 50_000]);
    await expect(parseSliced(batch(250_001), 65_536)).rejects.toThrow("The body has more than 250000 parameters");
  });

  it("may be arrays nested 1,000 levels deep, and are refused beyond that, even at a million levels", async () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    expect(paramsOf(nested(MAX_ARRAY_DEPTH))).toHaveLength(1);
    expect(() => paramsOf(`[1,[2,${nested(MAX_ARRAY_DEPTH - 1)}],3]`)).toThrow("nested deeper than 1000 levels");
    for (const depth of [MAX_ARRAY_DEPTH + 1, 1_000_000])
      await expect(paramsOfLarge(nested(depth))).rejects.toThrow("nested deeper than 1000 levels");
  });

  it("may be objects of any depth, with arrays of any depth in them, and keep their JSON text", async () => {
    for (const depth of [2_000, 500_000]) {
      const sources = [
        `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`,
        `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`,
      ];
      const params = await paramsOfLarge(`[[1,${sources.join()}],${sources.join()}]`);
      expect(params.slice(1).map(textOf)).toEqual(sources);
    }
  });

  it("stay bytes when they are long, with or without escapes", async () => {
    const plain = "ä€😀".repeat(5_000);
    const escaped = '\\n\\u00e4\\ud83d\\ude00 \\\\ \\"'.repeat(5_000);
    const number = "1".repeat(20_000);
    const array = `[${"1,".repeat(10_000)}1]`;
    const object = `{"a":"${plain}"}`;
    for (const sliceBytes of [7, 65_536]) {
      const params = await paramsOfLarge(`["${plain}","${escaped}",${number},${array},${object}]`, sliceBytes);
      expect(params.map(({ kind }) => kind)).toEqual(["string", "string", "integer", "array", "object"]);
      expect(params.map((each) => each.kind !== "null" && Buffer.isBuffer(each.text))).toEqual(Array(5).fill(true));
      expect(params.map(textOf)).toEqual([plain, JSON.parse(`"${escaped}"`), number, array, object]);
    }
  });

  it("have exactly the text that the body has for them, for every JSON document", () => {
    fc.assert(
      fc.property(fc.array(fc.json({ maxDepth: 4 }), { maxLength: 8 }), fc.json(), (sources, unknownKey) => {
        const params = parse(
          `{"a":${unknownKey},"params":"no","params": [${sources.join(" ,\n ")} ],"sql":"","b":${unknownKey}}`,
        ).params;
        expect(params).toHaveLength(sources.length);
        for (const [index, source] of sources.entries()) {
          const value: unknown = JSON.parse(source);
          const parameter = params[index];
          if (value === null) expect(parameter).toEqual({ kind: "null" });
          else expect(textOf(parameter)).toBe(typeof value === "string" ? value : source);
        }
      }),
      { examples: [[['"\\\\"', '"\\""', "[[]]", '{"]":"["}'], '"\\\\\\""']] },
    );
  });

  it("keep every digit of a number, at any nesting depth", () => {
    const digits = fc.stringMatching(/^-?(0|[1-9]\d{0,40})(\.\d{1,40})?([eE][+-]?\d{1,4})?$/);
    fc.assert(
      fc.property(digits, (number) => {
        const kind = /^-?\d+$/.test(number) ? "integer" : "number";
        expect(paramsOf(`[${number},[[${number}]],{"a":[${number}]}]`)).toEqual([
          { kind, text: number },
          { kind: "array", text: `[[${number}]]` },
          { kind: "object", text: `{"a":[${number}]}` },
        ]);
      }),
    );
  });
});

describe("a body of any form", () => {
  const keys = fc.oneof(
    fc.constantFrom('"sql"', '"params"', '"s\\u0071l"', '"par\\u0061ms"', '"statements "', '"__proto__"', '"fields"'),
    fc.json().map((text) => JSON.stringify(text)),
  );
  const values = fc.oneof(
    fc.json({ maxDepth: 2 }),
    fc.string().map((text) => JSON.stringify(text)),
    fc.array(fc.json({ maxDepth: 2 }), { maxLength: 4 }).map((elements) => `[${elements.join()}]`),
    fc.constantFrom("null", "true", "false", "1.0", '"a\\n"', "[]"),
  );

  it("is read as JSON.parse reads it, at once or in slices", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(keys, values), { maxLength: 6 }), fc.boolean(), async (members, isLarge) => {
        const text = `{${members.map((member) => member.join(" :")).join()}${isLarge ? " ".repeat(70_000) : ""}}`;
        const expected = expectedOf(JSON.parse(text) as Record<string, unknown>);
        const read = await parseSliced(text, 10_007).then(
          ({ statements: [statement] }) => ({ sql: statement?.sql, params: statement?.params.map(valueOf) }),
          (error: unknown) => (error as Error).message.replace(/;.*| must be.*/, ""),
        );
        expect(read).toEqual(expected);
      }),
      { numRuns: 1_000 },
    );
  });

  function expectedOf({ sql, params, fields }: Record<string, unknown>): unknown {
    if (fields !== undefined && fields !== null && typeof fields !== "boolean") return `"fields" is ${nameOf(fields)}`;
    if (typeof sql !== "string") return sql === undefined ? '"sql" is missing' : `"sql" is ${nameOf(sql)}`;
    if (params === undefined || params === null) return { sql, params: [] };
    return Array.isArray(params) ? { sql, params } : `"params" is ${nameOf(params)}`;
  }

  function nameOf(value: unknown): string {
    if (value === null) return "null";
    if (Array.isArray(value)) return "an array";
    return typeof value === "object" ? "an object" : `a ${typeof value}`;
  }

  function valueOf(parameter: Parameter): unknown {
    if (parameter.kind === "null") return null;
    const text = parameter.text.toString();
    return parameter.kind === "string" ? text : JSON.parse(text);
  }
});

describe("characters that PostgreSQL cannot hold", () => {
  it.each([
    ['{"sql":"SELECT 1\\u0000; DROP TABLE x"}', '"sql" holds a NUL character'],
    ['{"sql":"\\ud83d"}', '"sql" holds half of a surrogate pair'],
    ['{"sql":"\\ude00\\ud83d"}', '"sql" holds half of a surrogate pair'],
    ['{"sql":"x","params":[1,"a\\u0000"]}', "Parameter $2 holds a NUL character"],
    ['{"sql":"x","params":["\\uD83D x"]}', "Parameter $1 holds half of a surrogate pair"],
    ['{"sql":"x","params":[null,{"a":["\\u0000"]}]}', "Parameter $2 holds a NUL character"],
    ['{"sql":"x","params":[{"\\u0000":1}]}', "Parameter $1 holds a NUL character"],
    ['{"sql":"x","params":[["a",["\\u0000"]]]}', "Parameter $1 holds a NUL character"],
    ['{"sql":"x","params":[{"a":"\\ud83d"}]}', "Parameter $1 holds half of a surrogate pair"],
    ['{"sql":"x","params":[{"a":"\\ud83d\\n\\ude00"}]}', "Parameter $1 holds half of a surrogate pair"],
    ['{"sql":"x","params":[["\\ud83d","\\ude00"]]}', "Parameter $1 holds half of a surrogate pair"],
    ['{"sql":"x","params":[{"a":"\\\\\\u0000"}]}', "Parameter $1 holds a NUL character"],
  ])("are refused with a message that names the text or the parameter: %s", (text, message) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
    expect(() => parse(text)).toThrow(message);
  });

  it.each([
    ["an escaped pair", '[{"a":"\\ud83d\\ude00"},"\\uD83D\\uDE00"]'],
    ["an escaped backslash before u0000", '[{"a":"\\\\u0000"},"\\\\u0000",["\\\\ud83d"]]'],
  ])("are not mistaken for similar escapes: %s", (_name, params) => {
    expect(paramsOf(params).length).toBeGreaterThan(0);
  });

  it("are allowed in the values of unknown keys, which are ignored", () => {
    expect(parse('{"sql":"x","note":"\\u0000"}')).toEqual({ sql: "x", params: [] });
  });
});
