import { describe, expect, it } from "vitest";
import { parseTenant, type TenantRow } from "../../../src/tenants/parse-tenant.ts";
import { tenantRolesOf } from "../../../src/tenants/role-names.ts";
import { ADMIN_DATABASE_ID, type DatabaseId } from "../../../src/tenants/tenant.ts";

const ID = "0f0e0d0c-0000-4000-8000-000000000001";

function row(changes: Partial<TenantRow> = {}): TenantRow {
  return {
    id: ID,
    name: "shop",
    backend_type: "schema",
    schema_name: "tenant_1_shop",
    connection_string: null,
    max_rows: 10,
    limits: null,
    ...changes,
  };
}

describe("parseTenant", () => {
  it("reads a row of the schema backend", () => {
    expect(parseTenant(row())).toEqual({
      id: ID,
      name: "shop",
      backend: { kind: "schema", schema: "tenant_1_shop" },
      maxRows: 10,
      limits: {},
    });
  });

  it("reads the limits that are set and not null", () => {
    const limits = { statement_timeout_ms: 5, requests_per_second: 0.5, request_burst: null };
    expect(parseTenant({ ...row(), limits }).limits).toEqual({ statementTimeoutMs: 5, requestsPerSecond: 0.5 });
  });

  it.each([0, -1, "5", "many", true])("refuses a row with the invalid limit %j", (value) => {
    expect(() => parseTenant({ ...row(), limits: { request_burst: value } })).toThrow(
      expect.objectContaining({ code: "INTERNAL_ERROR" }),
    );
  });

  it("recognizes the admin database by its id", () => {
    expect(parseTenant(row({ id: ADMIN_DATABASE_ID, schema_name: "public" })).backend).toEqual({ kind: "admin" });
  });

  it("reads a dedicated database's connection string", () => {
    const { backend } = parseTenant(row({ backend_type: "dedicated", connection_string: "postgres://u:p@h:1/d" }));
    expect(backend).toMatchObject({ kind: "dedicated", connection: { host: "h", port: 1, user: "u", database: "d" } });
  });

  it.each([
    "public",
    "pg_catalog",
    "pg_x",
    "information_schema",
    "postgate_helpers",
    "postgate_private",
    "postgate_extensions",
    "",
    null,
  ])("refuses a row that names the schema %s", (schema_name) => {
    expect(() => parseTenant(row({ schema_name }))).toThrow(expect.objectContaining({ code: "DATABASE_NOT_FOUND" }));
  });

  it.each([
    { backend_type: "elsewhere" },
    { backend_type: "dedicated" },
    { backend_type: "dedicated", connection_string: "x" },
  ])("refuses the backend of %o", (changes) => {
    expect(() => parseTenant(row(changes))).toThrow(expect.objectContaining({ code: "INTERNAL_ERROR" }));
  });

  it.each([
    ["a".repeat(70), "a".repeat(63)],
    [`${"a".repeat(62)}éx`, "a".repeat(62)],
    [`${"a".repeat(61)}éx`, `${"a".repeat(61)}é`],
  ])("cuts the schema name %s as PostgreSQL cuts it", (schema_name, schema) => {
    expect(parseTenant(row({ schema_name })).backend).toEqual({ kind: "schema", schema });
  });

  it.each([
    [0, 0],
    [-1, undefined],
    [null, 1000],
    ["7", 7],
  ])("reads max_rows %s as %s", (max_rows, maxRows) => {
    expect(parseTenant(row({ max_rows })).maxRows).toBe(maxRows);
  });
});

describe("tenantRolesOf", () => {
  it("returns names within PostgreSQL's 63 bytes for the largest oid", () => {
    const { owner, readWrite } = tenantRolesOf(4_294_967_295, ID as DatabaseId);
    expect(owner).toBe("postgate_t4294967295_0f0e0d0c000040008000000000000001");
    expect(readWrite.length).toBeLessThanOrEqual(63);
  });
});
