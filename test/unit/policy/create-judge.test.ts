import { afterAll, describe, expect, it } from "vitest";
import type { Permission } from "../../../src/permissions.ts";
import { createJudge, type Sender } from "../../../src/policy/create-judge.ts";
import { createParser } from "../../../src/sql/parse-statement.ts";

const parser = createParser();
afterAll(() => parser.close());

/** A judge over the real parser, and how often that was asked. */
function countingJudge() {
  const parsed: string[] = [];
  const judge = createJudge({
    parse: (sql, tenant) => {
      parsed.push(sql);
      return parser.parse(sql, tenant);
    },
  });
  return { judge, parsed };
}

function sender(kind: Sender["kind"], ...permissions: Permission[]): Sender {
  return { kind, permissions: new Set(permissions), tenant: "t" };
}

describe("createJudge", () => {
  it("parses a text once, and checks the permissions of every sender", async () => {
    const { judge, parsed } = countingJudge();
    await judge.approve("DELETE FROM a", sender("tenant", "DELETE"));
    await expect(judge.approve("DELETE FROM a", sender("tenant", "SELECT"))).rejects.toThrow(
      "Operation DELETE is not allowed",
    );
    await judge.approve("DELETE FROM a", sender("tenant", "DELETE"));
    expect(parsed).toEqual(["DELETE FROM a"]);
  });

  it("remembers a refusal", async () => {
    const { judge, parsed } = countingJudge();
    for (let times = 0; times < 2; times++)
      await expect(judge.approve("SHOW ALL", sender("tenant", "SELECT"))).rejects.toThrow("Unsupported statement type");
    expect(parsed).toHaveLength(1);
  });

  it("shares no verdict between the admin database and tenants", async () => {
    const { judge } = countingJudge();
    const call = "SELECT create_tenant_database('x')";
    await judge.approve(call, sender("admin", "SELECT", "INSERT"));
    await expect(judge.approve(call, sender("tenant", "SELECT", "INSERT"))).rejects.toThrow("not allowed");
    await expect(judge.approve("CREATE TABLE t (a int)", sender("admin", "CREATE"))).rejects.toThrow("Unsupported");
    await judge.approve("CREATE TABLE t (a int)", sender("tenant", "CREATE"));
  });

  it("does not remember that a text was too complex, or that the parser failed", async () => {
    let times = 0;
    const judge = createJudge({
      parse: (sql) => {
        times += 1;
        if (times === 1) throw new Error("broken");
        return parser.parse(sql);
      },
    });
    await expect(judge.approve("SELECT 1", sender("tenant", "SELECT"))).rejects.toThrow("broken");
    await judge.approve("SELECT 1", sender("tenant", "SELECT"));
    expect(times).toBe(2);
  });
});
