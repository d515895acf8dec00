// Text → approved statement: parser, judge, cache and permissions together. The parser is passed in, so that policy/
// stays pure.

import { GatewayError } from "../errors.ts";
import type { Permission } from "../permissions.ts";
import type { ParsedStatement } from "../sql/parsed-statement.ts";
import { approve } from "./approve.ts";
import type { ApprovedStatement, StatementFacts } from "./approved-statement.ts";
import { judge } from "./judge.ts";
import { ADMIN_RULES, type PolicyRules, TENANT_RULES } from "./policy-rules.ts";
import { createVerdictCache, type VerdictCache } from "./verdict-cache.ts";

export interface JudgeOptions {
  readonly parse: (sql: string, tenant: string) => ParsedStatement | Promise<ParsedStatement>;
  /** What the operator's extensions add for tenants; nothing when left out. */
  readonly extensions?: Pick<PolicyRules, "functions" | "types">;
}

export interface Sender {
  readonly kind: PolicyRules["kind"];
  readonly permissions: ReadonlySet<Permission>;
  /** Whose text it is, for the parser's queue. */
  readonly tenant: string;
}

export interface Judge {
  /** @throws GatewayError PARSE_ERROR (see judge and approve) and what the parser throws. */
  readonly approve: (sql: string, sender: Sender) => Promise<ApprovedStatement>;
}

export function createJudge({ parse, extensions }: JudgeOptions): Judge {
  const cache = createVerdictCache();
  const rules = { tenant: { ...TENANT_RULES, ...extensions }, admin: ADMIN_RULES };
  return {
    async approve(sql, { kind, permissions, tenant }) {
      const known = cache.find(kind, sql);
      if (known?.kind === "refused") throw known.error;
      const facts = known?.facts ?? (await findFacts(sql, { rules: rules[kind], tenant, parse, cache }));
      return approve(facts, permissions);
    },
  };
}

interface Judging {
  readonly rules: PolicyRules;
  readonly tenant: string;
  readonly parse: JudgeOptions["parse"];
  readonly cache: VerdictCache;
}

async function findFacts(sql: string, { rules, tenant, parse, cache }: Judging): Promise<StatementFacts> {
  try {
    const facts = judge(await parse(sql, tenant), rules);
    cache.remember(rules.kind, sql, { kind: "allowed", facts });
    return facts;
  } catch (error) {
    if (error instanceof GatewayError && isLasting(error)) cache.remember(rules.kind, sql, { kind: "refused", error });
    throw error;
  }
}

/** A busy parser, or one that ran into its deadline, may give another answer the next time. */
function isLasting({ code, details }: GatewayError): boolean {
  return code === "PARSE_ERROR" && details.reason !== "TOO_COMPLEX";
}
