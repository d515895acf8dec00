// The token's text: its form, its making, its hash. Who holds it and what it may do is the authenticator's concern.

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

/** The part of a token that may be stored and logged in clear. */
export function tokenPrefix(token: Token): string {
  return token.slice(0, PREFIX_LENGTH);
}

/** One text for every way in which a token can be bad: which way it was is nobody's business. */
export function unauthorized(): GatewayError {
  return new GatewayError("UNAUTHORIZED", "Missing, invalid or expired token");
}
