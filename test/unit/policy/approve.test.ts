import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GatewayError } from "../../../src/base/errors.ts";
import { type Permission, PERMISSIONS } from "../../../src/base/permissions.ts";
import { approve } from "../../../src/policy/approve.ts";
import { judgeSql } from "./judge-sql.ts";

const STATEMENTS = [
  "SELECT 1",
  "SELECT nextval('s')",
  "SELECT setval('s', 1)",
  "INSERT INTO a VALUES (1) ON CONFLICT (id) DO UPDATE SET x = 1 RETURNING x",
  "WITH d AS (DELETE FROM a RETURNING *), u AS (UPDATE b SET x = 1) SELECT * FROM d FOR UPDATE",
  "MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT DEFAULT VALUES",
  "CREATE VIEW v AS SELECT nextval('s')",
  "ALTER TABLE a ADD b int",
  "TRUNCATE a",
];

async function verdict(sql: string, permissions: Iterable<Permission>): Promise<string> {
  const facts = await judgeSql(sql);
  try {
    approve(facts, new Set(permissions));
    return "approved";
  } catch (error) {
    if (error instanceof GatewayError) return error.message;
    throw error;
  }
}

describe("approve", () => {
  it.each([
    ["DELETE FROM a", ["SELECT"], "Operation DELETE is not allowed"],
    ["DELETE FROM a RETURNING *", [], "Operation DELETE is not allowed"],
    ["DELETE FROM a RETURNING *", ["DELETE"], "Operation SELECT is not allowed"],
    ["TRUNCATE a", ["DELETE"], "Operation DROP is not allowed"],
    ["SELECT 1", [], "Operation SELECT is not allowed"],
    ["SELECT nextval('s')", ["SELECT"], "Operation INSERT is not allowed"],
    ["SELECT nextval('s')", ["SELECT", "UPDATE"], "approved"],
    ["SELECT nextval('s')", ["SELECT", "INSERT"], "approved"],
  ] as const)("answers %s from a token with the permissions %j: %s", async (sql, permissions, expected) => {
    expect(await verdict(sql, permissions)).toBe(expected);
  });

  it("approves no statement without permissions, and every statement with all permissions", async () => {
    for (const sql of STATEMENTS) {
      expect(await verdict(sql, [])).toMatch(/^Operation/);
      expect(await verdict(sql, PERMISSIONS)).toBe("approved");
    }
  });

  it("never turns an approval into a refusal when a permission is added", async () => {
    const someSql = fc.constantFrom(...STATEMENTS);
    const somePermissions = fc.subarray([...PERMISSIONS]);
    await fc.assert(
      fc.asyncProperty(someSql, somePermissions, fc.constantFrom(...PERMISSIONS), async (sql, permissions, more) => {
        fc.pre((await verdict(sql, permissions)) === "approved");
        expect(await verdict(sql, [...permissions, more])).toBe("approved");
      }),
    );
  });

  it("turns CREATE OR REPLACE VIEW into CREATE VIEW for a token without ALTER, and keeps the positions in the text", async () => {
    const facts = await judgeSql("CREATE OR REPLACE VIEW v AS SELECT 1 AS a");
    const sent = (permissions: Permission[]): string => approve(facts, new Set(permissions)).text;

    expect(sent(["SELECT", "CREATE", "ALTER"])).toBe("CREATE OR REPLACE VIEW v AS SELECT 1 AS a");
    expect(sent(["SELECT", "CREATE"])).toBe("CREATE            VIEW v AS SELECT 1 AS a");
    expect(facts.text).toBe("CREATE OR REPLACE VIEW v AS SELECT 1 AS a");
  });
});
