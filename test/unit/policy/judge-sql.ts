import type { GatewayError } from "../../../src/base/errors.ts";
import type { StatementFacts } from "../../../src/policy/approved-statement.ts";
import { judge } from "../../../src/policy/judge.ts";
import { type PolicyRules, TENANT_RULES } from "../../../src/policy/policy-rules.ts";
import { createParser } from "../../../src/sql/parse-statement.ts";

const parser = createParser();

export async function judgeSql(sql: string, rules: PolicyRules = TENANT_RULES): Promise<StatementFacts> {
  await parser.ready();
  return judge(parser.parse(sql), rules);
}

export async function refusalOf(sql: string, rules: PolicyRules = TENANT_RULES) {
  const error = await judgeSql(sql, rules).then(
    () => undefined,
    (thrown: unknown) => thrown as GatewayError,
  );
  return error && { message: error.message, ...error.details };
}
