// Seals connection strings, so that a dump or a reader of the table has no passwords. This file defines the sealed form, and
// opens it with one of two keys. It neither stores the strings nor parses them.

import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from "node:crypto";

export interface SealingKeys {
  /** The key that seals (POSTGATE_SEALING_KEY). Undefined if nothing is to be sealed. */
  readonly current: KeyObject | undefined;
  /** The key that opens strings which were sealed before the key was changed (POSTGATE_SEALING_KEY_OLD). */
  readonly old: KeyObject | undefined;
}

export const NO_SEALING_KEYS: SealingKeys = { current: undefined, old: undefined };

/** No PostgreSQL URL begins with this prefix. `v1` is the version of the form: nonce, ciphertext and tag in base64url. */
const PREFIX = "sealed:v1:";
const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
/** The same nonce must not be used twice with one key. 96 random bits are enough for billions of strings. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Parses 64 hexadecimal digits, or base64 (also base64url) of 32 bytes. Returns undefined for any other text. */
export function parseSealingKey(given: string): KeyObject | undefined {
  const text = given.trim();
  const encoding = /^[0-9a-f]{64}$/i.test(text) ? "hex" : /^[\w+/-]{43}=?$/.test(text) ? "base64" : undefined;
  const bytes = Buffer.from(encoding === undefined ? "" : text, encoding);
  return bytes.length === KEY_BYTES ? createSecretKey(bytes) : undefined;
}

export function isSealed(connectionString: string): boolean {
  return connectionString.startsWith(PREFIX);
}

/**
 * Seals a connection string.
 *
 * @param databaseId the row that the string is for, which is the only one that it opens in
 */
export function seal(connectionString: string, databaseId: string, key: KeyObject): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(belongingTo(databaseId));
  const ciphertext = Buffer.concat([cipher.update(connectionString, "utf8"), cipher.final()]);
  return PREFIX + Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]).toString("base64url");
}

export interface Opened {
  readonly connectionString: string;
  /** The key that the string was sealed with. */
  readonly key: keyof SealingKeys;
}

/** Opens a sealed string. Returns undefined when it was sealed with another key or for another row, or was changed. */
export function openSealed(sealed: string, databaseId: string, keys: SealingKeys): Opened | undefined {
  const bytes = Buffer.from(sealed.slice(PREFIX.length), "base64url");
  if (!isSealed(sealed) || bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  for (const key of ["current", "old"] as const) {
    const secret = keys[key];
    const connectionString = secret && decrypt(bytes, databaseId, secret);
    if (connectionString !== undefined) return { connectionString, key };
  }
  return undefined;
}

function decrypt(bytes: Buffer, databaseId: string, key: KeyObject): string | undefined {
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(belongingTo(databaseId)).setAuthTag(bytes.subarray(-TAG_BYTES));
  const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    return Buffer.concat([text, decipher.final()]).toString("utf8");
  } catch {
    return undefined; // The tag does not match, which is the only reason for final() to throw.
  }
}

function belongingTo(databaseId: string): Buffer {
  return Buffer.from(`postgate connection string of ${databaseId.toLowerCase()}`);
}
