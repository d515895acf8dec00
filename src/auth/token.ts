// The text of a token: its form, generation and hash. authenticate.ts finds out what a token may do.

import { hash, randomBytes } from "node:crypto";
import type { Brand } from "../base/brand.ts";
import { GatewayError } from "../base/errors.ts";

export type Token = Brand<string, "Token">;
/** SHA-256 of the whole token in lower-case hex: the only form in which a token is stored. */
export type TokenHash = Brand<string, "TokenHash">;

const TOKEN_PATTERN = /^pg_[0-9a-f]{64}$/;
const SECRET_BYTES = 32;
const PREFIX_LENGTH = 8;

export function parseToken(text: string): Token | undefined {
  return TOKEN_PATTERN.test(text) ? (text as Token) : undefined;
}

export function generateToken(): Token {
  return `pg_${randomBytes(SECRET_BYTES).toString("hex")}` as Token;
}

export function hashToken(token: Token): TokenHash {
  return hash("sha256", token, "hex") as TokenHash;
}

/** Returns the part of a token that may be stored and logged in clear. */
export function tokenPrefix(token: Token): string {
  return token.slice(0, PREFIX_LENGTH);
}

/** The one answer for every kind of bad token, so that a caller cannot find out which kind it was. */
export function unauthorized(): GatewayError {
  return new GatewayError("UNAUTHORIZED", "Missing, invalid or expired token");
}
