/** The first minor releases in which a rolled-back SET ROLE leaves the right role behind (CVE-2024-10978). */
const SAFE_SET_ROLE: Readonly<Record<number, number>> = { 14: 14, 15: 9, 16: 5, 17: 1 };

/** Describes what is wrong with a server of this version (`server_version_num`). Returns undefined if nothing is. */
export function describeServerAge(version: number): string | undefined {
  const major = Math.floor(version / 10_000);
  const minor = version % 10_000;
  const safe = SAFE_SET_ROLE[major];
  if (safe === undefined || minor >= safe) return undefined;
  return `PostgreSQL ${major}.${minor} has CVE-2024-10978: a failed statement may leave a session with another role (fixed in ${major}.${safe})`;
}
