// Tests PostgreSQL's own walls with the judge switched off: the attacks of the corpus as every kind of token on PostgreSQL 18, and as the
// strongest token on PostgreSQL 15. The full tier runs every kind of token on 15 too.

import { expect, it } from "vitest";
import { lockDown, unlock } from "../../src/migration/lockdown.ts";
import { connect } from "../../src/postgres/connect.ts";
import { isFullTier } from "../support/tier.ts";
import { describeWalls } from "./walls-suite.ts";
import type { Mode } from "./walls-world.ts";

const READ_AS_OTHER = `select set_config('role', '$victim', true), query_to_xml('select * from "$other".secrets', true, true, '')`;

const EVERY_MODE: readonly Mode[] = ["owner", "read-write", "read-only"];

for (const version of [18, 15] as const)
  describeWalls({
    version,
    install: "superuser",
    modes: version === 18 || isFullTier ? EVERY_MODE : ["owner"],
    more: (world) => {
      it("do not hold without the lock-down, and hold again after it", async () => {
        const { corpus, installation, fill, run } = world();
        const client = await connect(corpus.gateway.operator);
        try {
          await unlock(client, installation);
          expect(await run(fill(READ_AS_OTHER), "owner")).toMatch(/canary_b_secret/i);
          await lockDown(client, installation);
          expect(await run(fill(READ_AS_OTHER), "owner")).not.toMatch(/canary/i);
        } finally {
          await client.end();
        }
      });
    },
  });
