// Prints the greeting of an embedded database's first start: the gateway's URL, a first token, and a request to copy.

import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "pg";
import { DEFAULT_PERMISSIONS } from "../base/permissions.ts";
import { ADMIN_DATABASE_ID } from "../tenants/tenant.ts";
import { genToken } from "./gen-token.ts";
import type { Terminal } from "./terminal.ts";

/** This file shows that the folder's greeting was printed. Without it, a token that was deleted on purpose would come back. */
const MARKER = "greeted";

export interface FirstStart {
  readonly url: string;
  readonly dataDir: string;
}

/** Prints the greeting with a new admin token, once in the life of the data folder. */
export async function greetOnFirstStart(
  client: Client,
  terminal: Terminal,
  { url, dataDir }: FirstStart,
): Promise<void> {
  const marker = join(dataDir, MARKER);
  if (existsSync(marker)) return;
  // An operator who made a token before the first start needs no other.
  if (!(await hasAdminToken(client))) await greet(client, terminal, url);
  await writeFile(marker, "");
}

async function hasAdminToken(client: Client): Promise<boolean> {
  const { rowCount } = await client.query("select 1 from public.postgate_tokens where database_id = $1 limit 1", [
    ADMIN_DATABASE_ID,
  ]);
  return rowCount !== 0;
}

async function greet(client: Client, terminal: Terminal, url: string): Promise<void> {
  const print = (token: string): void => printGreeting(terminal, url, token);
  const request = { databaseId: ADMIN_DATABASE_ID, name: "default", permissions: DEFAULT_PERMISSIONS };
  await genToken(client, { ...terminal, print }, request);
}

function printGreeting(terminal: Terminal, url: string, token: string): void {
  const lines = [
    `Postgate is ready at ${url}`,
    "",
    "Admin token, shown only this once:",
    `  ${token}`,
    "",
    "Create a database for a tenant (copy and run):",
    `  curl -s ${url}/query -H 'Authorization: Bearer ${token}' -H 'Content-Type: application/json' -d '{"sql": "SELECT * FROM create_tenant_database($1)", "params": ["my-app"]}'`,
    "",
    "Then give it a token: npx postgate gen-token DATABASE_ID",
  ];
  for (const line of lines) terminal.print(line);
}
