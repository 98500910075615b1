import { BlockList, isIP, SocketAddress } from 'node:net';

/** Whether a hop is one of our own proxies, whose `X-Forwarded-For` may be believed. */
export type TrustedProxies = (address: string) => boolean;

/** `203.0.113.7:51000` and `[2001:db8::7]:51000`: some proxies append the port (RFC 7239, section 6, has it so too). */
const WITH_PORT = /^(?:\[([^\]]+)\]|([\d.]+))(?::\d+)?$/;

/** @param networks addresses and CIDR networks, checked by the configuration */
export function trustedProxies(networks: readonly string[]): TrustedProxies {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (address) => {
    const version = isIP(address);
    return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4');
  };
}

/**
 * Who connected. `X-Forwarded-For` is read from the right, one hop for each proxy that is trusted: what stands left of
 * the first hop that is not ours was written by the client and could be anything.
 *
 * @returns the address in its shortest form, so that one peer has one name; empty where the socket is gone already
 */
export function peerAddress(
  remoteAddress: string | undefined,
  forwardedFor: string | string[] | undefined,
  isTrusted: TrustedProxies,
): string {
  let address = plainAddress(remoteAddress ?? '');
  const hops = (Array.isArray(forwardedFor) ? forwardedFor.join(',') : (forwardedFor ?? '')).split(',');
  for (let i = hops.length - 1; i >= 0 && isTrusted(address); i--) {
    const hop = plainAddress((hops[i] as string).trim());
    if (isIP(hop) === 0) break;
    address = hop;
  }
  return address;
}

/**
 * What a limit per address counts: an IPv4 address, or the first 64 bits of an IPv6 one. The smallest network that a
 * customer is given has 64 bits to itself (RFC 6177), so a limit on single addresses would bind nobody.
 *
 * @param address as `peerAddress` returns it
 */
export function countedAddress(address: string): string {
  if (!address.includes(':')) return address;
  const [left = '', right] = address.split('::');
  const groups = left === '' ? [] : left.split(':');
  if (right !== undefined) {
    const tail = right === '' ? [] : right.split(':');
    while (groups.length + tail.length < 8) groups.push('0');
    groups.push(...tail);
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/** Without port, brackets and zone, in the form that every such address has only one of (RFC 5952). */
function plainAddress(text: string): string {
  const parts = WITH_PORT.exec(text);
  const address = parts?.[1] ?? parts?.[2] ?? text;
  if (isIP(address) !== 6) return address;
  const shortest = new SocketAddress({ address, family: 'ipv6' }).address;
  // An IPv4 address that arrived over an IPv6 socket is the same peer.
  return shortest.startsWith('::ffff:') && shortest.includes('.') ? shortest.slice(7) : shortest;
}
