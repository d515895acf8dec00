// Turns a token into its principal. An outage of the metadata database is UNAVAILABLE, never a bad token.

import type { LastUsedRecorder } from "./last-used-recorder.ts";
import type { PrincipalCache } from "./principal-cache.ts";
import type { Authenticate, Principal } from "./principal.ts";
import { hashToken, unauthorized } from "./token.ts";

export function createAuthenticator(load: PrincipalCache["load"], lastUsed: LastUsedRecorder): Authenticate {
  const admit = (principal: Principal | undefined): Principal => {
    if (principal === undefined) throw unauthorized();
    lastUsed.record(principal.tokenId, principal.tokenPrefix);
    return principal;
  };
  return (token) => {
    const found = load(hashToken(token));
    return found instanceof Promise ? found.then(admit) : found; // A remembered principal comes at once: the look-up has already recorded the use.
  };
}
