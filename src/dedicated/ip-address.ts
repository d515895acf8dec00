// Parses IP addresses and networks into numbers, so that all spellings of an address are equal. The number of an IPv4 address is that
// of its IPv4-mapped IPv6 form (::ffff:10.0.0.1).

import { isIP } from "node:net";

export interface Network {
  readonly first: bigint;
  /** The number of leading bits, of 128, that all addresses of the network share. */
  readonly prefixLength: number;
}

const BITS = 128;
const IPV4_BITS = 32;
const IPV4_MAPPED = 0xffffn << 32n;
const LOW_32_BITS = 0xffff_ffffn;

/** Returns the address as a number, or undefined if the text is not an IP address. A zone (`fe80::1%eth0`) is left out. */
export function parseAddress(text: string): bigint | undefined {
  const family = isIP(text);
  if (family === 0) return undefined;
  return family === 4 ? IPV4_MAPPED | parseIpv4(text) : parseIpv6(text.replace(/%.*$/, ""));
}

/** Parses a network such as `10.0.0.0/8`. Returns undefined if the text is not a network, or has bits set after its prefix. */
export function parseNetwork(text: string): Network | undefined {
  const [, address = "", length = ""] = /^([^/%]+)\/(\d{1,3})$/.exec(text) ?? [];
  const first = parseAddress(address);
  const missing = isIP(address) === 4 ? BITS - IPV4_BITS : 0;
  const prefixLength = Number(length) + missing;
  if (first === undefined || prefixLength > BITS) return undefined;
  return first === firstOf(first, prefixLength) ? { first, prefixLength } : undefined;
}

/** Tells whether the network contains the address. A network of IPv6 addresses contains no IPv4 address, however wide it is. */
export function contains(network: Network, address: bigint): boolean {
  if (isIpv4(address) && !(isIpv4(network.first) && network.prefixLength >= BITS - IPV4_BITS)) return false;
  return firstOf(address, network.prefixLength) === network.first;
}

/** Tells whether `outer` contains every address of `inner`. */
export function isWithin(inner: Network, outer: Network): boolean {
  return inner.prefixLength >= outer.prefixLength && contains(outer, inner.first);
}

/**
 * Returns the address itself, and the IPv4 address inside it if packets to it are translated or tunnelled to that IPv4 address. A
 * router with NAT64, for example, sends packets for 64:ff9b::7f00:1 to 127.0.0.1.
 */
export function formsOf(address: bigint): readonly bigint[] {
  const embedded = EMBEDDINGS.filter(({ network }) => contains(network, address));
  return [address, ...embedded.map(({ ipv4Of }) => IPV4_MAPPED | (ipv4Of(address) & LOW_32_BITS))];
}

interface Embedding {
  readonly network: Network;
  readonly ipv4Of: (address: bigint) => bigint;
}

const EMBEDDINGS: readonly Embedding[] = [
  { network: networkOf("::/96"), ipv4Of: (address) => address }, // IPv4-compatible
  { network: networkOf("::ffff:0:0:0/96"), ipv4Of: (address) => address }, // IPv4-translated
  { network: networkOf("64:ff9b::/96"), ipv4Of: (address) => address }, // NAT64
  { network: networkOf("2002::/16"), ipv4Of: (address) => address >> 80n }, // 6to4
  { network: networkOf("2001::/32"), ipv4Of: (address) => ~address }, // Teredo
];

/** @throws Error when the text is not a network, which is a mistake in the code, because only constants are passed. */
export function networkOf(text: string): Network {
  const network = parseNetwork(text);
  if (network === undefined) throw new Error(`${text} is no network`);
  return network;
}

function isIpv4(address: bigint): boolean {
  return address >> 32n === 0xffffn;
}

function firstOf(address: bigint, prefixLength: number): bigint {
  const free = BigInt(BITS - prefixLength);
  return (address >> free) << free;
}

function parseIpv4(text: string): bigint {
  return text.split(".").reduce((number, part) => (number << 8n) | BigInt(part), 0n);
}

function parseIpv6(text: string): bigint {
  const [head = "", tail] = text.split("::");
  const [left, right] = [groupsOf(head), groupsOf(tail ?? "")];
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - left.length - right.length }, () => 0n);
  return [...left, ...zeros, ...right].reduce((number, group) => (number << 16n) | group, 0n);
}

/** Returns groups of 16 bits. An IPv4 address at the end counts as two groups. */
function groupsOf(text: string): bigint[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return [BigInt(`0x${group}`)];
    const number = parseIpv4(group);
    return [number >> 16n, number & 0xffffn];
  });
}
