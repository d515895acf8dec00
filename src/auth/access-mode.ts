import type { Permission } from "../base/permissions.ts";
import type { AccessMode } from "./principal.ts";

/** The weakest of PostgreSQL's roles for a tenant with which everything that `permissions` allow can still run. */
export function accessModeOf(permissions: ReadonlySet<Permission>): AccessMode {
  const holdsAny = (...wanted: Permission[]): boolean => wanted.some((permission) => permissions.has(permission));
  if (holdsAny("CREATE", "ALTER", "DROP")) return "owner";
  return holdsAny("INSERT", "UPDATE", "DELETE") ? "read-write" : "read-only";
}
