// Decides which servers the gateway connects to for a dedicated database. The holder of an admin token may have written the row in
// postgate_databases, and is not trusted with the machine, its network or the shared server. ADR 12 has the reasons.

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Client } from "pg";
import { GatewayError } from "../base/errors.ts";
import type { AdmittedServer, ServerGuard } from "../postgres/connect.ts";
import type { ConnectionSettings, ServerPlace } from "../postgres/connection-settings.ts";
import type { Admission, HostRules } from "./host-rules.ts";
import type { OperatorFactsReader } from "./operator-facts.ts";
import { targetOf } from "./operator-targets.ts";
import { isSameServer, readServerIdentity } from "./server-identity.ts";
import { findRefusedOption } from "./session-options.ts";

export interface DedicatedGuardOptions {
  readonly rules: HostRules;
  readonly facts: OperatorFactsReader;
}

/** A client may retry after this time, because first the operator has to change a setting and restart, or the row has to change. */
const RETRY_SECONDS = 60;

/** The rules do not admit a server. The message is for the operator, and no client may see it. */
export class ServerRefused extends Error {
  override readonly name = "ServerRefused";
  /** The host to allow in POSTGATE_DEDICATED_HOSTS. Undefined if that setting does not help. */
  readonly host: string | undefined;

  constructor(message: string, host?: string) {
    super(message);
    this.host = host;
  }
}

/** Returns a function that creates the guard of a database, by the database's id. */
export function createDedicatedGuards({ rules, facts }: DedicatedGuardOptions): (databaseId: string) => ServerGuard {
  return (databaseId) => {
    const isOperatorsWord = async (settings: ConnectionSettings): Promise<boolean> =>
      (await facts.fresh()).targets.get(databaseId) === targetOf(settings);

    async function admit(settings: ConnectionSettings, signal: AbortSignal): Promise<AdmittedServer> {
      requireAllowedOptions(settings);
      const places = await judgePlaces(settings, rules, signal);
      const refused = places.find(({ admission }) => admission === "refused");
      if (refused !== undefined) {
        if (await isOperatorsWord(settings)) return { settings, confirm: () => Promise.resolve() };
        throw toGatewayError(describeRefusal(refused));
      }
      const confirm = async (client: Client): Promise<void> => {
        if (places.every(({ admission }) => admission === "named")) return;
        const refusal = await findSharedServer(client, settings, facts);
        if (refusal !== undefined && !(await isOperatorsWord(settings))) throw toGatewayError(refusal);
      };
      return { settings: withPlaces(settings, places), confirm };
    }

    return { admit };
  };
}

/** @throws GatewayError UNAVAILABLE when the options set something that a row may not set. Its cause names the option. */
function requireAllowedOptions({ options }: ConnectionSettings): void {
  const refused = options === undefined ? undefined : findRefusedOption(options);
  if (refused !== undefined)
    throw toGatewayError(new ServerRefused(`the parameter "options" may not set ${JSON.stringify(refused)}`));
}

export interface JudgedPlace extends ServerPlace {
  readonly admission: Admission;
}

/**
 * Returns each place with the addresses that its name has now, and its admission. A place whose name cannot be resolved is left out.
 *
 * @throws the error of the first name, when none could be resolved.
 */
export async function judgePlaces(
  { host, port, otherPlaces = [] }: ConnectionSettings,
  rules: HostRules,
  signal: AbortSignal,
): Promise<readonly JudgedPlace[]> {
  const judged = await Promise.allSettled(
    [{ host, port }, ...otherPlaces].map((place) => judgePlace(place, rules, signal)),
  );
  const places = judged.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  if (places.length === 0) for (const each of judged) if (each.status === "rejected") throw each.reason;
  return places;
}

async function judgePlace(place: ServerPlace, rules: HostRules, signal: AbortSignal): Promise<JudgedPlace> {
  const admission = rules.judgePlace(place);
  if (admission !== undefined) return { ...place, admission };
  const addresses = await resolve(place.host, signal);
  const admissions = addresses.map((address) => rules.judgeAddress(address, place.port));
  return { ...place, addresses, admission: weakestOf(admissions) };
}

/** Returns the weakest admission. One refused address refuses the whole name, because the name's owner chooses the address. */
function weakestOf(admissions: readonly Admission[]): Admission {
  return (["refused", "general"] as const).find((weak) => admissions.includes(weak)) ?? "named";
}

async function resolve(host: string, signal: AbortSignal): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  signal.throwIfAborted();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
  const addresses = (await Promise.race([lookup(host, { all: true }), aborted])).map(({ address }) => address);
  if (addresses.length === 0) throw new Error(`the host ${JSON.stringify(host)} has no address`);
  return addresses;
}

function withPlaces(settings: ConnectionSettings, places: readonly JudgedPlace[]): ConnectionSettings {
  const [first, ...otherPlaces] = places.map(({ host, port, addresses }) => ({
    host,
    port,
    ...(addresses && { addresses }),
  }));
  return { ...settings, ...first, otherPlaces };
}

export function describeRefusal({ host, addresses }: JudgedPlace): ServerRefused {
  const found = addresses === undefined || addresses.includes(host) ? "" : ` (${addresses.join(", ")})`;
  return new ServerRefused(`POSTGATE_DEDICATED_HOSTS does not allow ${JSON.stringify(host)}${found}`, host);
}

/** Returns the reason to refuse a server after the login, or undefined when it is not the shared server. */
async function findSharedServer(
  client: Client,
  { host }: ConnectionSettings,
  facts: OperatorFactsReader,
): Promise<ServerRefused | undefined> {
  const found = await readServerIdentity(client);
  const recent = (await facts.recent()).sharedServer;
  const hasIdentifiers = found.systemIdentifier !== undefined && recent.systemIdentifier !== undefined;
  // A restart changes a server's start time, so an answer that is a minute old is not good enough.
  const isShared = isSameServer(found, hasIdentifiers ? recent : (await facts.fresh()).sharedServer);
  if (isShared === false) return undefined;
  const says = isShared ? "is the server of DATABASE_URL" : "cannot be told from the server of DATABASE_URL";
  return new ServerRefused(`${JSON.stringify(host)} ${says}, which POSTGATE_DEDICATED_HOSTS does not name`, host);
}

function toGatewayError(cause: ServerRefused): GatewayError {
  return new GatewayError("UNAVAILABLE", "The operator does not allow this database's server", {
    retryAfterSeconds: RETRY_SECONDS,
    cause,
  });
}
