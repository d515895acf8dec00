import type { Principal } from "../../../src/auth/principal.ts";
import { hashToken, type Token } from "../../../src/auth/token.ts";
import type { DatabaseId, SchemaName } from "../../../src/tenants/tenant.ts";

/** Returns the principal of a token. Each token belongs to its own tenant. */
export function principalOf(token: Token): Principal {
  return {
    tokenId: hashToken(token),
    tokenPrefix: token.slice(0, 8),
    permissions: new Set(["SELECT"]),
    access: "read-only",
    tenant: {
      id: token.slice(3) as DatabaseId,
      name: "tenant",
      backend: { kind: "schema", schema: "tenant_x" as SchemaName },
      maxRows: 1000,
      limits: {},
    },
  };
}
