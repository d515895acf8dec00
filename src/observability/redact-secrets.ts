const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/\bpostgres(?:ql)?:\/\/[^\s"'`)]*/gi, "postgres://[redacted]"],
  [/\bpg_[0-9a-f]{64}/gi, "pg_[redacted]"],
  [/\bpassword\s*=\s*(?:'[^']*'|\S+)/gi, "password=[redacted]"],
];

/** Replaces every connection string, token and password in a text. */
export function redactSecrets(text: string): string {
  return SECRETS.reduce((redacted, [pattern, replacement]) => redacted.replace(pattern, replacement), text);
}
