// Token → Principal. An outage of the metadata database is UNAVAILABLE, never a bad token.

import type { LastUsedRecorder } from "./last-used-recorder.ts";
import type { LoadPrincipal } from "./principal-cache.ts";
import type { Authenticate } from "./principal.ts";
import { hashToken, unauthorized } from "./token.ts";

export function createAuthenticator(load: LoadPrincipal, lastUsed: LastUsedRecorder): Authenticate {
  return async (token) => {
    const principal = await load(hashToken(token));
    if (principal === undefined) throw unauthorized();
    lastUsed.record(principal.tokenId);
    return principal;
  };
}
