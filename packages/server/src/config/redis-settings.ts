import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as z from 'zod';
import {
  DEFAULT_COMMAND_TIMEOUT_MS,
  DEFAULT_REDIS_PREFIX,
  NO_LOGIN,
  type RedisAddress,
  type RedisLogin,
  type RedisSettings,
  type RedisTls,
  type RedisTopology,
} from '../adapters/redis/redis-settings.ts';
import { text, whole } from './setting.ts';

/** A lease this long survives two lost renewals, and a node that dies is noticed within it. */
export const DEFAULT_LEASE_MS = 30_000;

const MAX_PREFIX_LENGTH = 64;
const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26_379;

const SCHEME = /^redis(s?)(?:\+(sentinel|cluster))?:\/\//;
const AUTHORITY = /^(?:([^@/]*)@)?([^/?#]+)(?:\/([^?#]*))?$/;

type ParsedUrl = {
  readonly topology: RedisTopology;
  readonly login: RedisLogin;
  readonly encrypted: boolean;
};

/** Never repeats the URL: it may hold a password. */
function parseUrl(url: string): ParsedUrl | string {
  const scheme = SCHEME.exec(url);
  if (scheme === null)
    return 'has a scheme this server does not know: use redis://HOST, rediss://HOST (TLS), redis+sentinel://HOST,HOST/NAME or redis+cluster://HOST,HOST';
  const [head, tls, form] = scheme;
  const authority = AUTHORITY.exec(url.slice(head.length));
  if (authority === null) return 'names no host: write it like redis://redis.internal:6379';
  const [, credentials, hosts = '', path = ''] = authority;
  const login = parseLogin(credentials);
  const addresses = hosts
    .split(',')
    .map((host) => parseAddress(host, form === 'sentinel' ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT));
  if (login === null) return 'has a user or password that is not percent-encoded';
  if (addresses.includes(null)) return 'has a host or port that is none: write them like redis.internal:6379';
  const nodes = addresses as readonly RedisAddress[];
  const topology = topologyOf(form, nodes, path);
  return typeof topology === 'string' ? topology : { topology, login, encrypted: tls === 's' };
}

function topologyOf(
  form: string | undefined,
  nodes: readonly RedisAddress[],
  path: string,
): RedisTopology | string {
  if (form === 'sentinel') {
    if (path === '')
      return 'names no primary: write what the Sentinels call it behind the hosts, as in /mymaster';
    return { kind: 'sentinel', sentinels: nodes, name: decodeURIComponent(path), login: NO_LOGIN };
  }
  if (path !== '' && path !== '0')
    return 'names a database number: Carillon uses database 0, and keeps apps apart by redis.prefix';
  if (form === 'cluster') return { kind: 'cluster', nodes };
  const [address] = nodes;
  if (address === undefined || nodes.length > 1)
    return 'names several hosts: for a Cluster write redis+cluster://, for Sentinels redis+sentinel://';
  return { kind: 'single', address };
}

function parseLogin(credentials: string | undefined): RedisLogin | null {
  if (credentials === undefined) return NO_LOGIN;
  const colon = credentials.indexOf(':');
  try {
    const username = decodeURIComponent(colon < 0 ? credentials : credentials.slice(0, colon));
    const password = colon < 0 ? null : decodeURIComponent(credentials.slice(colon + 1));
    return { username: username === '' ? null : username, password };
  } catch {
    return null; // A percent sign that begins nothing.
  }
}

function parseAddress(text: string, defaultPort: number): RedisAddress | null {
  const [, bracketed, plain, digits] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? defaultPort : Number(digits);
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}

function urlProblem(url: string): string | undefined {
  const parsed = parseUrl(url);
  return typeof parsed === 'string' ? parsed : undefined;
}

function prefixProblem(prefix: string): string | undefined {
  if (prefix.length > MAX_PREFIX_LENGTH)
    return `has ${prefix.length} characters, and may have ${MAX_PREFIX_LENGTH}`;
  return /^[\x21-\x7a\x7c\x7e]*$/.test(prefix)
    ? undefined
    : 'may hold printable ASCII without spaces and braces: braces say where a key lies in a Cluster';
}

const file = (about: string) =>
  text(about, {}, (path) => (path === '' ? 'names no file' : undefined)).optional();

/** With Redis several nodes are one. */
export const redisSchema = z
  .strictObject({
    url: text(
      'Redis that several nodes share: `redis://`, `rediss://` (TLS), `redis+sentinel://HOST,HOST/NAME` or `redis+cluster://HOST,HOST`; unless set, the node is alone.',
      { env: 'CARILLON_REDIS_URL', secret: true },
      urlProblem,
    ).optional(),
    prefix: text(
      'What begins every key and channel, so that several apps share one Redis.',
      { env: 'CARILLON_REDIS_PREFIX' },
      prefixProblem,
    ).default(DEFAULT_REDIS_PREFIX),
    commandTimeoutMs: whole(
      'A command that is not answered for so long gives the connection up.',
      DEFAULT_COMMAND_TIMEOUT_MS,
      100,
      60_000,
    ),
    leaseMs: whole(
      'How long a node counts as alive without being heard of; it renews three times in that time.',
      DEFAULT_LEASE_MS,
      1_000,
      600_000,
    ),
    tls: z
      .strictObject({
        caFile: file(
          'Certificates, in PEM, that the certificate of Redis is checked with, instead of those that Node trusts.',
        ),
        certFile: file('A certificate of our own, in PEM.'),
        keyFile: file('Its key, in PEM.'),
        serverName: text(
          'The name that the certificate of Redis must bear, instead of its host.',
          {},
          (name) => (name === '' ? 'is empty' : undefined),
        ).optional(),
      })
      .prefault({}),
  })
  .superRefine(({ tls: { certFile, keyFile } }, context) => {
    if ((certFile === undefined) === (keyFile === undefined)) return;
    const missing = certFile === undefined ? 'certFile' : 'keyFile';
    context.addIssue({
      code: 'custom',
      path: ['tls', missing],
      message: 'is missing: set both files or neither',
    });
  });

/** Redis as configured. */
export type RedisConfig = RedisSettings & {
  /** How long a node's lease lasts, ms. */
  readonly leaseMs: number;
};

/**
 * @param cwd what relative paths start at
 * @returns null where the node is alone; a text where a file cannot be read
 */
export function toRedisSettings(
  { url, prefix, commandTimeoutMs, leaseMs, tls }: z.output<typeof redisSchema>,
  cwd: string,
): RedisConfig | null | string {
  const parsed = url === undefined ? null : parseUrl(url);
  if (parsed === null || typeof parsed === 'string') return null;
  const { topology, login, encrypted } = parsed;
  if (!encrypted) return { topology, login, tls: null, prefix, commandTimeoutMs, leaseMs };
  const read: Record<'ca' | 'cert' | 'key', string | null> = { ca: null, cert: null, key: null };
  for (const [part, path] of [
    ['ca', tls.caFile],
    ['cert', tls.certFile],
    ['key', tls.keyFile],
  ] as const) {
    if (path === undefined) continue;
    try {
      read[part] = readFileSync(resolve(cwd, path), 'utf8');
    } catch (error) {
      return `redis.tls.${part}File: ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  const files: RedisTls = { ...read, serverName: tls.serverName ?? null };
  return { topology, login, tls: files, prefix, commandTimeoutMs, leaseMs };
}
