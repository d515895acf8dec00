// Text → approved statement: cache, parser, judge and permissions together. In charge of where a text is judged: small ones
// here and at once, large ones in a thread of their own.

import { GatewayError } from "../base/errors.ts";
import type { Permission } from "../base/permissions.ts";
import { compileParser } from "../sql/parser-instance.ts";
import { createParser, type Parser } from "../sql/parse-statement.ts";
import { sizeOfText } from "../sql/text-bounds.ts";
import { approve } from "./approve.ts";
import type { ApprovedStatement, StatementFacts } from "./approved-statement.ts";
import { judge } from "./judge.ts";
import { OffThreadJudge } from "./worker/off-thread-judge.ts";
import { ADMIN_RULES, type PolicyRules, TENANT_RULES } from "./policy-rules.ts";
import { createVerdictCache, type VerdictCache } from "./verdict-cache.ts";

export interface JudgeOptions {
  /** In bytes of UTF-8; 256 KiB when left out. */
  readonly maxSqlBytes?: number;
  /** How long a large text may be parsed and judged. */
  readonly deadlineMs?: number;
  /** What the operator's extensions add for tenants; nothing when left out. */
  readonly extensions?: Partial<Omit<PolicyRules, "kind">>;
}

export interface Sender {
  readonly kind: PolicyRules["kind"];
  readonly permissions: ReadonlySet<Permission>;
  /** Whose text it is: where large texts wait, tenants are served in turn. */
  readonly tenant: string;
}

export interface Judge {
  /**
   * @throws GatewayError INVALID_REQUEST for a NUL character or a lone surrogate; PARSE_ERROR with its reason;
   * TOO_MANY_REQUESTS or UNAVAILABLE when too many large texts of the sender, or of all, wait.
   */
  readonly approve: (sql: string, sender: Sender) => Promise<ApprovedStatement>;
  /** Of the verdicts that are remembered. */
  readonly usage: VerdictCache["usage"];
  readonly close: () => Promise<void>;
}

/** No text that the bounds let through was seen to take a quarter of it. */
const DEFAULT_DEADLINE_MS = 2_000;

export function createJudge({ maxSqlBytes, deadlineMs = DEFAULT_DEADLINE_MS, extensions }: JudgeOptions = {}): Judge {
  const cache = createVerdictCache();
  const parser = createParser();
  const rules = { tenant: { ...TENANT_RULES, ...extensions }, admin: ADMIN_RULES };
  const offThread = new OffThreadJudge({ compiled: compileParser, rules, deadlineMs });

  async function judgeText(sql: string, { kind, tenant }: Sender): Promise<StatementFacts> {
    if (sizeOfText(sql, maxSqlBytes) === "large") return offThread.judge({ sql, kind }, tenant);
    await becomeReady(parser);
    return judge(parser.parse(sql), rules[kind]);
  }

  async function findFacts(sql: string, sender: Sender): Promise<StatementFacts> {
    try {
      const facts = await judgeText(sql, sender);
      cache.remember(sender.kind, sql, { kind: "allowed", facts });
      return facts;
    } catch (error) {
      if (error instanceof GatewayError && isLasting(error))
        cache.remember(sender.kind, sql, { kind: "refused", error });
      throw error;
    }
  }

  return {
    async approve(sql, sender) {
      const known = cache.find(sender.kind, sql);
      if (known?.kind === "refused") throw known.error;
      return approve(known?.facts ?? (await findFacts(sql, sender)), sender.permissions);
    },
    usage: cache.usage,
    close: () => offThread.close(),
  };
}

/** Again after the wait: another text that waited as well may have broken the instance. */
async function becomeReady(parser: Parser): Promise<void> {
  while (!parser.isReady) await parser.ready();
}

/** A busy judge, or one that ran into its deadline, may give another answer the next time. */
function isLasting({ code, details }: GatewayError): boolean {
  return code === "PARSE_ERROR" && details.reason !== "TOO_COMPLEX";
}
