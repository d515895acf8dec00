import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseQueryBody } from "../../../src/http/parse-query-body.ts";
import { MAX_ARRAY_DEPTH } from "../../../src/http/body/read-parameters.ts";
import { DEFAULT_FORM, type StatementRequest, type ResultForm } from "../../../src/base/query-request.ts";
import { MAX_PARAMETERS, type Parameter } from "../../../src/base/parameters.ts";

function parseWhole(text: string): StatementRequest {
  const [statement] = parseQueryBody(Buffer.from(text)).statements;
  if (statement === undefined) throw new Error("No statement");
  return statement;
}

function parse(text: string): Pick<StatementRequest, "sql" | "params"> {
  const { sql, params } = parseWhole(text);
  return { sql, params };
}

/** The parameters of a body whose `params` is this JSON text. */
function paramsOf(params: string): readonly Parameter[] {
  return parse(`{"sql":"","params":${params}}`).params;
}

/** The wire form of a text that is its own JSON source. */
function textOf(parameter: Parameter | undefined): string {
  if (parameter === undefined || parameter.kind === "null") throw new Error("The parameter has no text");
  return parameter.text;
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
  ])("is read from %s", (text, expected) => {
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
  ])("asks with {%s…} for a form of the answer", (keys, form) => {
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
    ['{"SQL":"x"}', '"sql" is missing'],
    ['{"__proto__":{"sql":"x"}}', '"sql" is missing'],
    ['{"sql":1}', '"sql" is a number'],
    ['{"sql":null}', '"sql" is null'],
    ['{"sql":["SELECT 1"]}', '"sql" is an array'],
    ['{"sql":{"text":"SELECT 1","values":[]}}', '"sql" is an object'],
    ['{"sql":"x","params":{"0":1}}', '"params" is an object'],
    ['{"sql":"x","params":"1"}', '"params" is a string'],
    ['{"sql":"x","params":0}', '"params" is a number'],
    ['{"sql":"x","params":false}', '"params" is a boolean'],
  ])("is refused where it is %j", (text, message) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
    expect(() => parse(text)).toThrow(message);
  });

  it.each([
    ["a stray byte", [0xff]],
    ["an overlong form", [0xc0, 0xaf]],
    ["a surrogate in UTF-8", [0xed, 0xa0, 0x80]],
    ["a cut character", [0xe2, 0x82]],
  ])("is refused where it is not UTF-8: %s", (_name, bytes) => {
    const body = Buffer.concat([Buffer.from('{"sql":"'), Buffer.from(bytes), Buffer.from('"}')]);
    expect(() => parseQueryBody(body)).toThrow("The body is not valid UTF-8");
  });
});

describe("parameters", () => {
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
  ])("keep kind and text of %s", (source, expected) => {
    expect(paramsOf(`[${source}]`)).toEqual([expected]);
    expect(paramsOf(`[ 0 ,\n${source}\t, 0 ]`)[1]).toEqual(expected);
  });

  it("leave Object.prototype alone", () => {
    paramsOf('[{"__proto__":{"polluted":true}}]');
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("may be 65,535 and no more", () => {
    const list = (count: number): string => `[${"1,".repeat(count - 1)}1]`;
    expect(paramsOf(list(MAX_PARAMETERS))).toHaveLength(65_535);
    expect(() => paramsOf(list(MAX_PARAMETERS + 1))).toThrow('"params" has 65536 elements');
  });

  it("may be arrays within arrays up to the limit, not beyond it, however deep", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    expect(paramsOf(nested(MAX_ARRAY_DEPTH))).toHaveLength(1);
    for (const depth of [MAX_ARRAY_DEPTH + 1, 1_000_000])
      expect(() => paramsOf(nested(depth))).toThrow("nested deeper than 1000 levels");
  });

  it("may be objects of any depth in a small body, and are not taken apart", () => {
    const source = `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`;
    expect(textOf(paramsOf(`[${source}]`)[0])).toBe(source);
  });

  it("have, for every JSON document, the text that the body has for them", () => {
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

  it("keep every digit of every number, at any depth", () => {
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
  ])("are refused by name: %s", (text, message) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
    expect(() => parse(text)).toThrow(message);
  });

  it.each([
    ["an escaped pair", '[{"a":"\\ud83d\\ude00"},"\\uD83D\\uDE00"]'],
    ["an escaped backslash before u0000", '[{"a":"\\\\u0000"},"\\\\u0000",["\\\\ud83d"]]'],
  ])("are not seen where there are none: %s", (_name, params) => {
    expect(paramsOf(params).length).toBeGreaterThan(0);
  });

  it("matter in parameters only, not in keys that are ignored", () => {
    expect(parse('{"sql":"x","note":"\\u0000"}')).toEqual({ sql: "x", params: [] });
  });
});
