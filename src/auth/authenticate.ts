// Token → Principal. An outage of the metadata database is UNAVAILABLE, never a bad token.

import type { LastUsedRecorder } from "./last-used-recorder.ts";
import type { LoadPrincipal } from "./principal-cache.ts";
import type { Principal } from "./principal.ts";
import { hashToken, type Token, unauthorized } from "./token.ts";

export type Authenticate = (token: Token) => Promise<Principal>;

/**
 * @throws GatewayError UNAUTHORIZED when no such token is valid now.
 * @throws GatewayError DATABASE_NOT_FOUND when the token's database is gone.
 * @throws GatewayError UNAVAILABLE when the look-up could not be made.
 */
export function createAuthenticator(load: LoadPrincipal, lastUsed: LastUsedRecorder): Authenticate {
  return async (token) => {
    const principal = await load(hashToken(token));
    if (principal === undefined) throw unauthorized();
    lastUsed.record(principal.tokenId);
    return principal;
  };
}
