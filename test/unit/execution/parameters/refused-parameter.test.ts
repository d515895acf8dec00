import { describe, expect, it } from "vitest";
import { refusedParameter } from "../../../../src/execution/parameters/refused-parameter.ts";

describe("the parameter that PostgreSQL refused", () => {
  it.each([
    ["en", "unnamed portal parameter $3 = '...'"],
    ["de", "unbenanntes Portal Parameter $3 = '...'"],
    ["es", "portal sin nombre, parámetro 3 = '...'"],
    ["fr", "paramètre de portail non nommé $3 = '...'"],
    ["ja", "無名ポータルパラメータ $3 = '...'"],
    ["ko", "이름없는 포탈 $3 매개 변수 = '...'"],
    ["ru", "неименованный портал, параметр $3 = '...'"],
    ["zh_CN", "未命名 portal 的参数 $3 = '...'"],
    ["a NULL", "unnamed portal parameter $3"],
    ["behind another context", `JSON data, line 1: {"a": unnamed...\nunnamed portal parameter $3 = '...'`],
    ["behind the tenant's own words", "JSON data, line 1: $9 = '...'\nunnamed portal parameter $3 = '...'"],
  ])("is known from the context of the error, in %s", (_, where) => {
    expect(refusedParameter(where)).toBe(3);
  });

  it.each([
    undefined,
    "",
    "PL/pgSQL function f(integer) line 3 at RAISE",
    `SQL statement "select $1"\nPL/pgSQL function f() line 2 at SQL statement`,
    `SQL function "f" statement 1`,
  ])("is not guessed from %s", (where) => {
    expect(refusedParameter(where)).toBeUndefined();
  });
});
