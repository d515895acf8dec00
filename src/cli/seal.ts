import type { KeyObject } from "node:crypto";
import type { Client } from "pg";
import { withOwnNames } from "../postgres/locked-transaction.ts";
import { isSealed, openSealed, seal, type SealingKeys } from "../tenants/sealing.ts";
import { CommandError } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

interface StoredString {
  readonly id: string;
  readonly connection_string: string;
}

type Finding =
  | { readonly kind: "sealed" | "unopenable"; readonly id: string }
  | { readonly kind: "plain" | "old"; readonly id: string; readonly connectionString: string };

/**
 * Seals the connection strings that are stored plain, and seals those of the old key with the new one. Prints the databases' ids.
 *
 * @throws CommandError when no key is set, and when no key opens a string. The other strings are sealed before that.
 */
export async function sealCommand(
  client: Client,
  terminal: Terminal,
  { keys, dryRun }: { readonly keys: SealingKeys; readonly dryRun: boolean },
): Promise<void> {
  const { current } = keys;
  if (current === undefined)
    throw new CommandError('POSTGATE_SEALING_KEY must be set, for example to what "openssl rand -base64 32" prints');
  const findings = await withOwnNames(client, async () => {
    const found = (await loadForUpdate(client)).map((row) => examine(row, keys));
    if (!dryRun) for (const finding of found) await sealRow(client, finding, current);
    return found;
  });
  report(terminal, findings, dryRun);
}

/**
 * Reads the stored strings and locks their rows. Otherwise a string that is changed in the meantime would be lost, or a second run
 * would seal what the first one has sealed.
 */
async function loadForUpdate(client: Client): Promise<readonly StoredString[]> {
  const { rows } = await client.query<StoredString>(
    `select id::text, connection_string from public.postgate_databases
     where backend_type = 'dedicated' and connection_string is not null order by id for update`,
  );
  return rows;
}

function examine({ id, connection_string: stored }: StoredString, keys: SealingKeys): Finding {
  if (!isSealed(stored)) return { kind: "plain", id, connectionString: stored };
  const opened = openSealed(stored, id, keys);
  if (opened === undefined) return { kind: "unopenable", id };
  return opened.key === "current" ? { kind: "sealed", id } : { kind: "old", id, ...opened };
}

async function sealRow(client: Client, finding: Finding, key: KeyObject): Promise<void> {
  if (!("connectionString" in finding)) return;
  await client.query("update public.postgate_databases set connection_string = $2 where id = $1", [
    finding.id,
    seal(finding.connectionString, finding.id, key),
  ]);
}

function report(terminal: Terminal, findings: readonly Finding[], dryRun: boolean): void {
  const idsOf = (kind: Finding["kind"]): string[] =>
    findings.filter((found) => found.kind === kind).map(({ id }) => id);
  for (const id of idsOf("plain")) terminal.print(dryRun ? `Would seal ${id}` : `Sealed ${id}`);
  for (const id of idsOf("old"))
    terminal.print(dryRun ? `Would seal ${id} with the new key` : `Sealed ${id} with the new key`);
  terminal.note(`${idsOf("sealed").length} of ${findings.length} were sealed already`);
  const unopenable = idsOf("unopenable");
  if (unopenable.length > 0)
    throw new CommandError(
      `no key opens the connection string of ${unopenable.join(", ")}: set the key that it was sealed with as POSTGATE_SEALING_KEY_OLD, or write the string anew`,
    );
}
