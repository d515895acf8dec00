// Looks up the types of the shared database on a connection of its own. The look-ups of tokens have other connections, because
// they must not wait for types that a tenant has made.

import type { ConnectionSettings } from "../../postgres/connection-settings.ts";
import { QueryPool } from "../../postgres/query-pool.ts";
import { TypeCatalog } from "./type-catalog.ts";

const TIMEOUT_MS = 5_000;

interface Owner {
  readonly onClose: (closer: () => Promise<void>) => void;
  readonly watchPool: (name: string, usage: () => QueryPool["usage"]) => void;
}

/** The connection is opened at the first look-up; most installations never need it. */
export function createSharedTypes(connection: ConnectionSettings, { onClose, watchPool }: Owner): TypeCatalog {
  const pool = new QueryPool({
    connection,
    maxConnections: 1,
    timeoutMs: TIMEOUT_MS,
    applicationName: "postgate types",
  });
  onClose(() => pool.close());
  watchPool("types", () => pool.usage);
  return new TypeCatalog((text, values) => pool.query({ name: "find_types", text }, values));
}
