import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toJson } from "../../../src/client/to-json.ts";

describe("toJson", () => {
  it("writes what JSON.stringify writes for every plain JSON value", () => {
    const property = fc.property(fc.jsonValue(), (value) => {
      expect(toJson(value, "v")).toBe(JSON.stringify(value));
    });
    fc.assert(property);
  });

  it.each([
    ["a big integer with every digit", 9007199254740993n, "9007199254740993"],
    ["big integers in an array", [1n, -(2n ** 70n)], "[1,-1180591620717411303424]"],
    ["a big integer in a document", { a: { b: 9007199254740993n } }, '{"a":{"b":9007199254740993}}'],
    ["NaN as PostgreSQL spells it", NaN, '"NaN"'],
    ["the infinities as PostgreSQL spells them", [Infinity, -Infinity], '["Infinity","-Infinity"]'],
    ["a date as an ISO string", new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ["a date in a document", { at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    ["bytes as hex", new Uint8Array([0, 15, 255]), '"\\\\x000fff"'],
    ["a Buffer as hex", Buffer.from("hi"), '"\\\\x6869"'],
    ["an object with toJSON by that", { toJSON: () => ({ a: 1n }) }, '{"a":1}'],
    ["a document without its undefined members", { a: undefined, b: null }, '{"b":null}'],
    ["a lone surrogate escaped, for the gateway to refuse", "\ud800", '"\\ud800"'],
    ["a date of another realm", runInNewContext("new Date(0)"), '"1970-01-01T00:00:00.000Z"'],
    ["bytes of another realm", runInNewContext("new Uint8Array([1])"), '"\\\\x01"'],
    ["an object of another realm", runInNewContext("({ a: [1] })"), '{"a":[1]}'],
  ])("writes %s", (_what, value, json) => {
    expect(toJson(value, "v")).toBe(json);
  });

  it.each([
    ["undefined", undefined, "params is of type undefined"],
    ["undefined in an array", [[1], [undefined]], "params[1][0] is of type undefined"],
    ["a hole of an array", [, 1], "params[0] is of type undefined"],
    ["a function in a document", [{ a: { b: () => 1 } }], "params[0].a.b is of type function"],
    ["a symbol", [Symbol("s")], "params[0] is of type symbol"],
    ["an invalid date", [new Date(NaN)], "params[0] is an invalid Date"],
    ["a Map", [new Map()], "params[0] is of type Map"],
    ["a Float32Array", [new Float32Array(1)], "params[0] is of type Float32Array"],
    ["an ArrayBuffer", [new ArrayBuffer(1)], "params[0] is of type ArrayBuffer"],
  ])("refuses %s with an error that names its place", (_what, value, message) => {
    expect(() => toJson(value, "params")).toThrow(TypeError);
    expect(() => toJson(value, "params")).toThrow(message);
  });
});
