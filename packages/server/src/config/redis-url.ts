import type { RedisAddress, RedisLogin, RedisTopology } from '../adapters/redis/redis-settings.ts';

const DEFAULT_PORT = 6_379;
const DEFAULT_SENTINEL_PORT = 26_379;

const SCHEME = /^redis(s?)(?:\+(sentinel|cluster))?:\/\//;
/** User and password, hosts, and what stands behind the slash. */
const REST = /^(?:([^@/]*)@)?([^@/?#]+)(?:\/([^@/?#]*))?$/;

const NO_LOGIN: RedisLogin = { username: null, password: null };

export type RedisUrl = {
  readonly topology: RedisTopology;
  readonly login: RedisLogin;
  /** Over TLS. */
  readonly encrypted: boolean;
};

/**
 * Reads the address of Redis. The forms are written down in docs/redis.md.
 *
 * @returns a text where it cannot be read: why, without repeating any of it, for it may hold a password
 */
export function parseRedisUrl(url: string): RedisUrl | string {
  const scheme = SCHEME.exec(url);
  if (scheme === null)
    return 'has a scheme this server does not know: use redis://HOST, rediss://HOST (TLS), redis+sentinel://HOST,HOST/NAME or redis+cluster://HOST,HOST';
  const [head, tls, form] = scheme;
  const rest = REST.exec(url.slice(head.length));
  if (rest === null)
    return 'is not written like redis://USER:PASSWORD@HOST:PORT, with @, : and / in the password percent-encoded';
  const [, credentials, hosts = '', path = ''] = rest;
  const login = parseLogin(credentials);
  if (typeof login === 'string') return login;
  const addresses: RedisAddress[] = [];
  for (const host of hosts.split(',')) {
    const address = parseAddress(host, form === 'sentinel' ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT);
    if (address === null) return 'has a host or port that is none: write them like redis.internal:6379';
    addresses.push(address);
  }
  const topology = topologyOf(form, addresses, path);
  return typeof topology === 'string' ? topology : { topology, login, encrypted: tls === 's' };
}

export function redisUrlProblem(url: string): string | undefined {
  const parsed = parseRedisUrl(url);
  return typeof parsed === 'string' ? parsed : undefined;
}

function topologyOf(
  form: string | undefined,
  nodes: readonly RedisAddress[],
  path: string,
): RedisTopology | string {
  if (form === 'sentinel') {
    const name = decoded(path);
    if (name === '' || name === null)
      return 'names no primary: write what the Sentinels call it behind the hosts, as in /mymaster';
    return { kind: 'sentinel', sentinels: nodes, name, login: NO_LOGIN };
  }
  // Pub/sub knows no database numbers: two apps would hear each other.
  if (path !== '' && path !== '0')
    return 'names a database number: Carillon uses database 0, and keeps apps apart by redis.prefix';
  if (form === 'cluster') return { kind: 'cluster', nodes };
  const [address] = nodes;
  if (address === undefined || nodes.length > 1)
    return 'names several hosts: for a Cluster write redis+cluster://, for Sentinels redis+sentinel://';
  return { kind: 'single', address };
}

function parseLogin(credentials: string | undefined): RedisLogin | string {
  if (credentials === undefined || credentials === '') return NO_LOGIN;
  const colon = credentials.indexOf(':');
  const username = decoded(colon === -1 ? credentials : credentials.slice(0, colon));
  const password = colon === -1 ? '' : decoded(credentials.slice(colon + 1));
  if (username === null || password === null) return 'has a user or password that is not percent-encoded';
  if (password === '') return 'names a user without a password: write it like redis://USER:PASSWORD@HOST';
  return { username: username === '' ? null : username, password };
}

/** Null where a percent sign begins nothing. */
function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function parseAddress(text: string, defaultPort: number): RedisAddress | null {
  const [, bracketed, plain, digits] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]{1,253}))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? defaultPort : Number(digits);
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}
