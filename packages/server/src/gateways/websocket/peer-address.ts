import { BlockList, isIP } from 'node:net';

/** Whether a hop is one of our own proxies, whose `X-Forwarded-For` may be believed. */
export type TrustedProxies = (address: string) => boolean;

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

/** An IPv4 address that arrived over an IPv6 socket is the same peer. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}
