// The seven permissions that a token may hold, and the default set. This file imports nothing.

/** All permissions, in the order in which they are stored, shown and checked. */
export const PERMISSIONS = ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP"] as const;

export type Permission = (typeof PERMISSIONS)[number];

/** The permissions of a token that is created without a list of permissions: the four that read and write rows. */
export const DEFAULT_PERMISSIONS: readonly Permission[] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

export function isPermission(value: unknown): value is Permission {
  return (PERMISSIONS as readonly unknown[]).includes(value);
}
