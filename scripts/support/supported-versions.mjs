// Lists the versions of PostgreSQL that Postgate supports, for scripts that read the catalogs of all of them.

export const SUPPORTED_VERSIONS = [14, 15, 16, 17, 18];

/**
 * Stops a script that would lose the names that only a missing version has.
 *
 * @param releases the result of `show server_version` on each server, such as `18.4`
 */
export function requireEveryVersion(releases) {
  const found = releases.map((release) => Number.parseInt(release, 10));
  const missing = SUPPORTED_VERSIONS.filter((version) => !found.includes(version));
  if (missing.length === 0) return;
  throw new Error(
    `There is no PostgreSQL ${missing.join(", ")} here: run npm ci --prefix test/support/postgres-versions --ignore-scripts, ` +
      "install Debian's postgresql-15, or give the connection string of one server of each version",
  );
}
