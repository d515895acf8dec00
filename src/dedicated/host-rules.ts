// Parses POSTGATE_DEDICATED_HOSTS, the servers that the rows of dedicated databases may name, and judges a place by it. It connects to
// nothing and resolves no names.

import { posix } from "node:path";
import { isUnixSocket, type ServerPlace } from "../postgres/connection-settings.ts";
import { contains, formsOf, isWithin, type Network, networkOf, parseAddress, parseNetwork } from "./ip-address.ts";

/** The servers that a row may name when POSTGATE_DEDICATED_HOSTS is not set. */
export const DEFAULT_DEDICATED_HOSTS: readonly string[] = ["default"];

export const DEDICATED_HOSTS_FORM =
  "default, public or none, or host names, addresses, networks such as 10.1.0.0/16 and folders of unix sockets, separated by commas";

type Range = "default" | "public";

type HostRule =
  | { readonly kind: "none" }
  | { readonly kind: "range"; readonly range: Range }
  | { readonly kind: "network"; readonly network: Network }
  | { readonly kind: "socket"; readonly folder: string }
  | { readonly kind: "name"; readonly name: string; readonly port: number | undefined }
  | { readonly kind: "address"; readonly address: bigint; readonly port: number | undefined };

/** The result for a place. `named`: the operator named this very place, so it may be the shared server. `general`: a range admits it. */
export type Admission = "named" | "general" | "refused";

export interface HostRules {
  /** Decides by the place's own text. Returns undefined if its addresses have to decide. */
  judgePlace(place: ServerPlace): Admission | undefined;
  judgeAddress(address: string, port: number): Admission;
}

/**
 * Addresses of this machine itself, and of services that answer every machine in the same network, such as a cloud's credential
 * service.
 */
const NEVER_BY_RANGE = [
  ...["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "::/128", "::1/128", "fe80::/10"],
  "64:ff9b:1::/48", // NAT64 of the local network. Only that network knows the position of the IPv4 address in it.
].map(networkOf);

const NOT_PUBLIC = [
  ...["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15"],
  ...["224.0.0.0/3", "fc00::/7", "fec0::/10", "ff00::/8"],
].map(networkOf);

export function isHostRule(text: string): boolean {
  return parseHostRule(text) !== undefined;
}

/**
 * Parses the elements of the setting.
 *
 * @throws Error when an element does not have the form. It names the first such element.
 */
export function parseHostRules(elements: readonly string[]): HostRules {
  const rules = elements.map((element) => {
    const rule = parseHostRule(element);
    if (rule === undefined)
      throw new Error(`POSTGATE_DEDICATED_HOSTS: ${JSON.stringify(element)} is none of ${DEDICATED_HOSTS_FORM}`);
    return rule;
  });
  return {
    judgePlace: (place) => judgePlace(rules, place),
    judgeAddress: (address, port) => judgeAddress(rules, address, port),
  };
}

function parseHostRule(text: string): HostRule | undefined {
  if (text === "none") return { kind: "none" };
  if (text === "default" || text === "public") return { kind: "range", range: text };
  if (isUnixSocket(text)) return isPlainFolder(text) ? { kind: "socket", folder: text } : undefined;
  const network = parseNetwork(text);
  return network === undefined ? parseHostAndPort(text) : { kind: "network", network };
}

/** Tells whether a folder has its plain spelling: without `..`, `.`, double slashes or a trailing slash. Only that spelling is compared. */
function isPlainFolder(text: string): boolean {
  return posix.normalize(text) === text && (text === "/" || !text.endsWith("/"));
}

function parseHostAndPort(text: string): HostRule | undefined {
  const whole = parseAddress(text);
  if (whole !== undefined) return { kind: "address", address: whole, port: undefined };
  const [, bracketed, name = "", digits] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  const address = parseAddress(bracketed ?? name);
  if (address !== undefined) return { kind: "address", address, port };
  return bracketed === undefined && /^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i.test(name) && !/^[\d.]+$/.test(name)
    ? { kind: "name", name: toPlainName(name), port }
    : undefined;
}

function toPlainName(host: string): string {
  return host.toLowerCase().replace(/\.$/, "");
}

function judgePlace(rules: readonly HostRule[], { host, port }: ServerPlace): Admission | undefined {
  if (isUnixSocket(host)) {
    const isNamed = isPlainFolder(host) && rules.some((rule) => rule.kind === "socket" && rule.folder === host);
    return isNamed ? "named" : "refused";
  }
  if (host.startsWith("@")) return "refused"; // It is libpq's spelling of an abstract socket.
  const isNamed = rules.some((rule) => rule.kind === "name" && rule.name === toPlainName(host) && hasPort(rule, port));
  return isNamed ? "named" : undefined;
}

function hasPort(rule: { readonly port: number | undefined }, port: number): boolean {
  return rule.port === undefined || rule.port === port;
}

function judgeAddress(rules: readonly HostRule[], text: string, port: number): Admission {
  const address = parseAddress(text);
  if (address === undefined) return "refused";
  if (rules.some((rule) => rule.kind === "address" && rule.address === address && hasPort(rule, port))) return "named";
  return formsOf(address).every((form) => rules.some((rule) => admits(rule, form))) ? "general" : "refused";
}

function admits(rule: HostRule, address: bigint): boolean {
  const special = NEVER_BY_RANGE.find((range) => contains(range, address));
  // A wide network such as 0.0.0.0/0 does not admit this machine. A network within 127.0.0.0/8 does.
  if (rule.kind === "network")
    return contains(rule.network, address) && (special === undefined || isWithin(rule.network, special));
  if (rule.kind !== "range" || special !== undefined) return false;
  return rule.range === "default" || !NOT_PUBLIC.some((range) => contains(range, address));
}
