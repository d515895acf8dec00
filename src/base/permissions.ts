// The seven permissions a token may hold, and the two sets that have a name. A leaf: imports nothing.

/** In the order in which they are stored, shown and checked. */
export const PERMISSIONS = ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP"] as const;

export type Permission = (typeof PERMISSIONS)[number];

/** What a token gets when nothing else is said: the four verbs that read and write rows. */
export const DEFAULT_PERMISSIONS: readonly Permission[] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

export function isPermission(value: unknown): value is Permission {
  return (PERMISSIONS as readonly unknown[]).includes(value);
}
