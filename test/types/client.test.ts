// Types are checked by `npm run check:types`; running this file only shows that nothing throws.

import { describe, expectTypeOf, it } from "vitest";
import type {
  CreatedDatabase,
  CreatedToken,
  Permission,
  PostgateAdminClient,
  PostgateClient,
  PostgateError,
  PostgateErrorCode,
  PostgateField,
  PostgateParams,
  PostgateQueryRequest,
  PostgateQueryResponse,
  PostgateStatement,
  SqlStatement,
  TokenOptions,
} from "../../src/client/index.ts";

describe("the client's types", () => {
  it("give query<Row> rows of Row", () => {
    expectTypeOf<PostgateClient>().toHaveProperty("query");
    const query = (client: PostgateClient) => client.query<{ id: number }>("select 1 as id", [1]);
    expectTypeOf(query).returns.resolves.toEqualTypeOf<PostgateQueryResponse<{ id: number }>>();
    expectTypeOf(query).returns.resolves.toHaveProperty("rows").toEqualTypeOf<{ id: number }[]>();
    expectTypeOf(query).returns.resolves.toHaveProperty("row_count").toBeNumber();
  });

  it("give rows of unknown values when nothing is said", () => {
    const query = (client: PostgateClient) => client.query("select 1");
    expectTypeOf(query).returns.resolves.toHaveProperty("rows").toEqualTypeOf<Record<string, unknown>[]>();
  });

  it("take an interface as a row", () => {
    interface User {
      id: number;
      name: string | null;
    }
    const query = (client: PostgateClient) => client.query<User>("select id, name from users");
    expectTypeOf(query).returns.resolves.toHaveProperty("rows").toEqualTypeOf<User[]>();
  });

  it("know the rows of the admin calls", () => {
    expectTypeOf<PostgateAdminClient>().toExtend<PostgateClient>();
    expectTypeOf<PostgateAdminClient["createDatabase"]>().returns.resolves.toEqualTypeOf<
      PostgateQueryResponse<CreatedDatabase>
    >();
    expectTypeOf<PostgateAdminClient["createToken"]>().returns.resolves.toEqualTypeOf<
      PostgateQueryResponse<CreatedToken>
    >();
    expectTypeOf<PostgateAdminClient["createToken"]>().parameters.toEqualTypeOf<
      [
        databaseId: string,
        name?: string | undefined,
        permissions?: readonly Permission[] | undefined,
        options?: TokenOptions | undefined,
      ]
    >();
  });

  it("know every code of an error, and its extra keys", () => {
    expectTypeOf<PostgateError>().toExtend<Error>();
    expectTypeOf<"ROW_LIMIT_EXCEEDED" | "NETWORK_ERROR" | "INVALID_RESPONSE">().toExtend<PostgateErrorCode>();
    expectTypeOf<"SOMETHING">().not.toExtend<PostgateErrorCode>();
    expectTypeOf<PostgateError["max_rows"]>().toEqualTypeOf<number | undefined>();
    expectTypeOf<PostgateError["sqlstate"]>().toEqualTypeOf<string | undefined>();
  });

  it("know what fields: true adds", () => {
    const query = (client: PostgateClient) => client.query<{ id: number }>("select 1", null, { fields: true });
    expectTypeOf(query).returns.resolves.toHaveProperty("rows").toEqualTypeOf<{ id: number }[]>();
    expectTypeOf(query).returns.resolves.toHaveProperty("fields").toEqualTypeOf<readonly PostgateField[]>();
    expectTypeOf(query).returns.resolves.toHaveProperty("command").toEqualTypeOf<string>();
  });

  it("take parameters by place and by name, and what the tag makes", () => {
    expectTypeOf<readonly [1, null]>().toExtend<PostgateParams>();
    expectTypeOf<{ id: number }>().toExtend<PostgateParams>();
    expectTypeOf<string>().not.toExtend<PostgateParams>();
    expectTypeOf<SqlStatement>().toExtend<PostgateStatement>();
    expectTypeOf<PostgateClient["query"]>().toBeCallableWith({ sql: "select $id", params: { id: 1 } });
    expectTypeOf<PostgateClient["batch"]>().toBeCallableWith([{ sql: "select $id", params: { id: 1 } }], {
      timeoutMs: 5,
    });
  });

  it("describe the request for those who send it themselves", () => {
    expectTypeOf<{ sql: string }>().toExtend<PostgateQueryRequest>();
    expectTypeOf<{ sql: string; params: [number, null] }>().toExtend<PostgateQueryRequest>();
    expectTypeOf<{ params: [] }>().not.toExtend<PostgateQueryRequest>();
  });
});
