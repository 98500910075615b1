import * as z from 'zod';
import type { RedisSettings, RedisTls, RedisTopology } from '../adapters/redis/redis-settings.ts';
import { parseRedisUrl, redisUrlProblem } from './redis-url.ts';
import { emptyProblem, file, text, whole } from './setting.ts';
import { readTlsFiles } from './tls-files.ts';

/** ms a command may go unanswered: far longer than any takes, and short against a lease. */
const DEFAULT_COMMAND_TIMEOUT_MS = 5_000;

const DEFAULT_PREFIX = 'carillon:';

/** ms a replica may take: a hundred times what one needs that is well, and short against the time a command may take. */
const DEFAULT_REPLICA_WAIT_MS = 1_000;

/** What waits for a replica holds up what is sent behind it, and that must still be answered in time. */
const WAITS_A_COMMAND = 2;

/** A lease this long survives two lost renewals, and a node that dies is noticed within it. */
export const DEFAULT_LEASE_MS = 30_000;

const MAX_PREFIX_LENGTH = 64;

function prefixProblem(prefix: string): string | undefined {
  if (prefix.length > MAX_PREFIX_LENGTH)
    return `has ${prefix.length} characters, and may have ${MAX_PREFIX_LENGTH}`;
  return /^[\x21-\x7a\x7c\x7e]*$/.test(prefix)
    ? undefined
    : 'may hold printable ASCII without spaces and braces: braces say where a key lies in a Cluster';
}

/** With Redis several nodes are one. */
export const redisSchema = z
  .strictObject({
    url: text(
      'Redis that several nodes share: `redis://`, `rediss://` (TLS), `redis+sentinel://HOST,HOST/NAME` or `redis+cluster://HOST,HOST`; unless set, the node is alone.',
      { env: 'CARILLON_REDIS_URL', secret: true },
      redisUrlProblem,
    ).optional(),
    prefix: text(
      'What begins every key and channel, so that several apps share one Redis.',
      { env: 'CARILLON_REDIS_PREFIX' },
      prefixProblem,
    ).default(DEFAULT_PREFIX),
    commandTimeoutMs: whole(
      'A command that is not answered for so long gives the connection up.',
      DEFAULT_COMMAND_TIMEOUT_MS,
      100,
      60_000,
    ),
    replicaWaitMs: whole(
      'How long a publication on a `replicated` channel may wait until a replica has it; then it is refused. Never more than half of `commandTimeoutMs`.',
      DEFAULT_REPLICA_WAIT_MS,
      10,
      30_000,
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
          emptyProblem,
        ).optional(),
      })
      .prefault({}),
    sentinel: z
      .strictObject({
        username: text(
          'The user that Sentinels themselves are logged in to with, where they ask for one.',
          {},
          emptyProblem,
        ).optional(),
        password: text(
          'The password for Sentinels themselves, where they ask for one.',
          { secret: true },
          emptyProblem,
        ).optional(),
      })
      .prefault({}),
  })
  .superRefine(({ url, tls, sentinel }, context) => {
    const refuse = (path: string[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    if ((tls.certFile === undefined) !== (tls.keyFile === undefined)) {
      const missing = tls.certFile === undefined ? 'certFile' : 'keyFile';
      refuse(['tls', missing], 'is missing: set both files or neither');
    }
    const parsed = url === undefined ? null : parseRedisUrl(url);
    if (parsed === null || typeof parsed === 'string') return;
    for (const [name, value] of Object.entries(tls)) {
      // Whoever set it believes that the line is encrypted.
      if (value !== undefined && !parsed.encrypted)
        refuse(['tls', name], 'is set, and the URL is one without TLS: write rediss:// in place of redis://');
    }
    for (const [name, value] of Object.entries(sentinel)) {
      if (value !== undefined && parsed.topology.kind !== 'sentinel')
        refuse(['sentinel', name], 'is set, and the URL names no Sentinels: write redis+sentinel://');
    }
  });

/** Redis as configured. */
export type RedisConfig = RedisSettings & {
  /** How long a node's lease lasts, ms. */
  readonly leaseMs: number;
  /** How long an append may wait for a replica, ms. */
  readonly replicaWaitMs: number;
};

/**
 * @param cwd what relative paths start at
 * @returns null where the node is alone; a text where a file cannot be read
 */
export function toRedisSettings(
  { url, prefix, commandTimeoutMs, leaseMs, replicaWaitMs, tls, sentinel }: z.output<typeof redisSchema>,
  cwd: string,
): RedisConfig | null | string {
  const parsed = url === undefined ? null : parseRedisUrl(url);
  if (parsed === null || typeof parsed === 'string') return null;
  const { login, encrypted } = parsed;
  const topology: RedisTopology =
    parsed.topology.kind === 'sentinel'
      ? {
          ...parsed.topology,
          login: { username: sentinel.username ?? null, password: sentinel.password ?? null },
        }
      : parsed.topology;
  const times = {
    commandTimeoutMs,
    leaseMs,
    replicaWaitMs: Math.min(replicaWaitMs, Math.floor(commandTimeoutMs / WAITS_A_COMMAND)),
  };
  if (!encrypted) return { topology, login, tls: null, prefix, ...times };
  const read = readTlsFiles('redis.tls', tls, cwd);
  if (typeof read === 'string') return read;
  const files: RedisTls = { ...read, serverName: tls.serverName ?? null };
  return { topology, login, tls: files, prefix, ...times };
}
