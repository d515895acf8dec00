// Tests PostgreSQL's own walls with the judge off, for one version and one kind of installation.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ClusterVersion, hasCluster } from "../support/cluster.ts";
import { useCluster } from "../support/use-cluster.ts";
import type { Install } from "./corpus-world.ts";
import { readCorpus } from "./read-corpus.ts";
import { ESCAPES } from "./walls-escapes.ts";
import { type Breach, createWallsWorld, isAimedAtWalls, type Mode, type WallsWorld } from "./walls-world.ts";
import { weaknessesOf } from "./walls-weaknesses.ts";

/** The answer if PostgreSQL refused or ended the attack. It is empty if the attack kept another role and its session was thrown away. */
const REFUSED = /DATABASE_ERROR|TIMEOUT|^$/;
/** The answer if the gateway itself ended the batch before its commit. */
const CUT_OFF = /INTERNAL_ERROR/;
const NOTHING: Breach = { leaks: [], effects: [], traces: [] };

export interface Suite {
  readonly version: ClusterVersion;
  readonly install: Install;
  /** The access modes in which the attacks run. The first is that of a token with all permissions. */
  readonly modes: readonly Mode[];
  /** Adds further tests in the same world. */
  readonly more?: (world: () => WallsWorld) => void;
}

export function describeWalls({ version, install, modes, more }: Suite): void {
  describe.skipIf(!hasCluster(version))(
    `walls inside PostgreSQL ${version}, installed by a ${install}, judge off`,
    () => {
      useCluster(version);
      let world: WallsWorld;
      const seen = new Set<string>();
      const counts = { rows: 0, leaks: 0, effects: 0 };
      const weaknesses = weaknessesOf(version, install);
      /**
       * True if the schema is repaired after each attack. The repair costs more than everything else, so with one mode it comes once for
       * each group, and after an attack that had effects outside tenant A.
       */
      const isThorough = modes.length > 1;
      const isWeak = (kind: string | undefined): boolean =>
        install === "createrole" && kind !== undefined && weaknesses.some((weakness) => weakness.kind === kind);

      beforeAll(async () => {
        world = await createWallsWorld(version, install);
      });
      afterAll(async () => {
        console.info(`PostgreSQL ${version}, ${install}: ${JSON.stringify({ ...counts, listed: seen.size })}`);
        await world.close();
      });

      const groups = [...new Set(readAttackGroups())];

      it.each(groups.flatMap((group) => modes.map((mode) => ({ group, mode }))))(
        "hold against the attacks of $group as $mode",
        async ({ group, mode }) => {
          await world.repair();
          for (const row of world.attacks.filter((attack) => attack.group === group)) {
            for (const isBatch of [false, true]) {
              const attempt = isBatch ? world.attackAsBatch : world.attack;
              const { leaks, effects, traces } = await attempt([row.sql], mode, row);
              const listed = weaknesses.find(({ rows }) => rows.includes(row.id));
              const unlisted = {
                leaks: leaks.filter((leak) => listed?.tells?.test(leak) !== true),
                effects: effects.filter((effect) => listed?.changes?.includes(effect) !== true),
                traces,
              };
              const what = { id: row.id, isBatch, sql: row.sql };
              expect({ ...what, ...unlisted }).toEqual({ ...what, ...NOTHING });
              if (leaks.length + effects.length > 0) seen.add(row.id);
              counts.leaks += unlisted.leaks.length;
              counts.effects += unlisted.effects.length;
              if (isThorough || effects.length > 0) await world.repair();
            }
            counts.rows += 1;
          }
        },
        120_000,
      );

      it("give away only what walls-weaknesses.ts lists, and all of that", () => {
        expect([...seen].sort()).toEqual(weaknesses.flatMap(({ rows }) => rows).sort());
      });

      it.each(
        ESCAPES.flatMap((escape) => modes.filter((mode) => mode !== "read-only").map((mode) => ({ ...escape, mode }))),
      )(
        "keep a tenant as $mode from $name",
        async ({ steps, mode, weakness, isHarmless }) => {
          await world.repair();
          const { texts, leaks, effects, traces } = await world.attack(steps.map(world.fill), mode);
          if (isWeak(weakness)) {
            if (leaks.length === 0) expect(texts).not.toContainEqual(expect.stringMatching(REFUSED));
            return;
          }
          if (isHarmless !== true) expect(texts).toContainEqual(expect.stringMatching(REFUSED));
          expect({ leaks, effects, traces }).toEqual(NOTHING);
        },
        30_000,
      );

      it.each(
        ESCAPES.flatMap((escape) => modes.filter((mode) => mode !== "read-only").map((mode) => ({ ...escape, mode }))),
      )(
        "keep a tenant as $mode from $name as a batch",
        async ({ steps, mode, weakness }) => {
          await world.repair();
          const { texts, leaks, effects, traces } = await world.attackAsBatch(steps.map(world.fill), mode);
          if (isWeak(weakness)) return;
          expect(texts[0]).toMatch(new RegExp(`${REFUSED.source}|${CUT_OFF.source}`));
          expect({ leaks, effects, traces }).toEqual(NOTHING);
        },
        30_000,
      );

      it("limit the size of temporary files if a superuser installed them", async () => {
        expect(await world.run("show temp_file_limit", "owner")).toContain(install === "superuser" ? "1GB" : "-1");
      });

      more?.(() => world);
    },
  );
}

function readAttackGroups(): string[] {
  return [...readCorpus("corpus"), ...readCorpus("own")].filter(isAimedAtWalls).map(({ group }) => group);
}
