import { describe, expect, it } from "vitest";
import { GatewayError } from "../../../src/base/errors.ts";
import { toErrorResponse, toGatewayError } from "../../../src/http/error-response.ts";
import { requireJson } from "../../../src/http/body/media-type.ts";
import { requestIdOf } from "../../../src/http/request-id.ts";

describe("requestIdOf", () => {
  it.each([["a\r\nset-cookie: x"], [undefined], ["ä"]])("returns a new UUID in place of the unsafe id %j", (given) => {
    expect(requestIdOf({ "x-request-id": given })).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("requireJson", () => {
  it("refuses a very long hostile header quickly", () => {
    const hostile = `application/${"+json".repeat(10_000)}!;`;
    expect(() => requireJson({ "content-type": hostile })).toThrow("Content-Type must be application/json");
  });
});

describe("toErrorResponse", () => {
  it("writes the message, the code and then the details", () => {
    const details = { reason: "SYNTAX_ERROR", position: 3 } as const;
    const { status, headers, body } = toErrorResponse(new GatewayError("PARSE_ERROR", "no", { details }), "id");
    expect(status).toBe(400);
    expect(body).toBe('{"error":"no","code":"PARSE_ERROR","reason":"SYNTAX_ERROR","position":3}');
    expect(headers).toEqual({
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-store",
      "x-request-id": "id",
    });
  });
});

describe("toGatewayError", () => {
  it("returns a GatewayError unchanged", () => {
    const error = new GatewayError("TIMEOUT", "Query timeout");
    expect(toGatewayError(error)).toBe(error);
  });
});
