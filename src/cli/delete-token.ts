import type { Client } from "pg";
import { CommandError } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

export interface TokenRemoval {
  readonly tokenId: string;
  readonly json: boolean;
}

export async function deleteToken(client: Client, terminal: Terminal, { tokenId, json }: TokenRemoval): Promise<void> {
  const { rows } = await client.query<{ deleted: boolean }>("select public.delete_tenant_token($1) as deleted", [
    tokenId,
  ]);
  if (rows[0]?.deleted !== true)
    throw new CommandError(
      `there is no token ${tokenId}; "postgate list-tokens DATABASE_ID" shows those that are there`,
    );
  terminal.print(json ? JSON.stringify({ id: tokenId, deleted: true }) : `Deleted token ${tokenId}`);
}
