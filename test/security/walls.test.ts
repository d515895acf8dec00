// PostgreSQL's own walls, on the two versions that every run has: the corpus's attacks with the judge switched off, as every
// kind of token.

import { expect, it } from "vitest";
import { lockDown, unlock } from "../../src/migration/lockdown.ts";
import { connect } from "../../src/postgres/connect.ts";
import { describeWalls } from "./walls-suite.ts";

const READ_AS_OTHER = `select set_config('role', '$victim', true), query_to_xml('select * from "$other".secrets', true, true, '')`;

for (const version of [18, 15] as const)
  describeWalls({
    version,
    install: "superuser",
    modes: ["owner", "read-write", "read-only"],
    more: (world) => {
      it("would not hold without the lock-down", async () => {
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
