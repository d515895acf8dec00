// Turns a text into an approved statement, with the cache, the parser, the judge and the permissions. This file decides where a text is
// judged: a small one here and at once, a large one in a separate thread.

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
  /** Maximum size of a text in bytes of UTF-8. 256 KiB when left out. */
  readonly maxSqlBytes?: number;
  /** Maximum time to parse and judge a large text. 2 s when left out. */
  readonly deadlineMs?: number;
  /** The rules for the server's extensions, for tenants only. None when left out. */
  readonly extensions?: Partial<Omit<PolicyRules, "kind">>;
}

export interface Sender {
  readonly kind: PolicyRules["kind"];
  readonly permissions: ReadonlySet<Permission>;
  /** The tenant that sent the text. When large texts wait, tenants are served in turn. */
  readonly tenant: string;
}

export interface Judge {
  /**
   * Approves a text for its sender.
   *
   * @throws (in the returned promise) GatewayError INVALID_REQUEST for a NUL character or a lone surrogate, PARSE_ERROR with its reason,
   * TOO_MANY_REQUESTS when too many large texts of the sender's tenant wait, and UNAVAILABLE when too many of all tenants wait.
   */
  readonly approve: (sql: string, sender: Sender) => Promise<ApprovedStatement>;
  /** Counts of the verdict cache, for metrics. */
  readonly usage: VerdictCache["usage"];
  readonly close: () => Promise<void>;
}

/** In measurements, no text within the bounds took a quarter of this time. */
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

/** Waits until the parser is ready. It asks again after each wait, because another text that waited too may have broken the instance. */
async function becomeReady(parser: Parser): Promise<void> {
  while (!parser.isReady) await parser.ready();
}

/** Tells whether a refusal may be remembered. A judge that was busy or reached its deadline may answer differently the next time. */
function isLasting({ code, details }: GatewayError): boolean {
  return code === "PARSE_ERROR" && details.reason !== "TOO_COMPLEX";
}
