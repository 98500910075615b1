import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig, resolveConfig } from '../../src/config/load-config.ts';

const folder = mkdtempSync(join(tmpdir(), 'carillon-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function redisOf(redis: object): unknown {
  const resolved = resolveConfig({ redis }, folder);
  if (!resolved.ok) throw new Error(resolved.problem);
  return resolved.config.redis;
}

function problemOf(redis: object): string {
  const resolved = resolveConfig({ redis }, folder);
  return resolved.ok ? '' : resolved.problem;
}

const nobody = { username: null, password: null };

describe('redis.url', () => {
  it('unset, the node is alone', () => {
    expect(resolveConfig({}, folder)).toMatchObject({ ok: true, config: { redis: null } });
    expect(redisOf({ prefix: 'x:' })).toBeNull();
  });

  it.each([
    ['redis://h', { kind: 'single', address: { host: 'h', port: 6379 } }, nobody],
    ['redis://h/', { kind: 'single', address: { host: 'h', port: 6379 } }, nobody],
    ['redis://h:7000/0', { kind: 'single', address: { host: 'h', port: 7000 } }, nobody],
    ['redis://[::1]:7000', { kind: 'single', address: { host: '::1', port: 7000 } }, nobody],
    [
      'redis://:p%40ss@h',
      { kind: 'single', address: { host: 'h', port: 6379 } },
      { username: null, password: 'p@ss' },
    ],
    [
      'redis://u:a:b@h',
      { kind: 'single', address: { host: 'h', port: 6379 } },
      { username: 'u', password: 'a:b' },
    ],
    [
      'redis+sentinel://a,b:27000/main',
      {
        kind: 'sentinel',
        sentinels: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 27_000 },
        ],
        name: 'main',
        login: nobody,
      },
      nobody,
    ],
    [
      'redis+cluster://u:p@a:1,[fe80::2]:2,c',
      {
        kind: 'cluster',
        nodes: [
          { host: 'a', port: 1 },
          { host: 'fe80::2', port: 2 },
          { host: 'c', port: 6379 },
        ],
      },
      { username: 'u', password: 'p' },
    ],
  ])('%s', (url, topology, login) => {
    expect(redisOf({ url })).toEqual({
      topology,
      login,
      tls: null,
      prefix: 'carillon:',
      commandTimeoutMs: 5_000,
      leaseMs: 30_000,
      replicaWaitMs: 1_000,
    });
  });

  it.each([
    [{ replicaWaitMs: 10 }, 10],
    [{ replicaWaitMs: 30_000, commandTimeoutMs: 60_000 }, 30_000],
    [{ replicaWaitMs: 2_501 }, 2_500],
    [{ commandTimeoutMs: 101 }, 50],
  ])(
    'a wait for a replica is no longer than half of what a command may take: %j',
    (settings, replicaWaitMs) => {
      expect(redisOf({ url: 'redis://h', ...settings })).toMatchObject({ replicaWaitMs });
    },
  );

  it.each(['rediss://h', 'rediss+sentinel://h/main', 'rediss+cluster://h'])('%s is over TLS', (url) => {
    expect(redisOf({ url })).toMatchObject({ tls: { ca: null, cert: null, key: null, serverName: null } });
  });

  it.each([
    ['http://u:hush@h', /scheme/],
    ['redis:h', /scheme/],
    ['redis+tls://hush@h', /scheme/],
    ['redis://', /written like/],
    ['redis://u:hu/sh@h', /percent-encoded/],
    ['redis://u:hu@sh@h', /percent-encoded/],
    ['redis://u:%ZZhush@h', /percent-encoded/],
    ['redis://hush@h', /without a password/],
    ['redis://u:hush@h:0', /host or port/],
    ['redis://u:hush@h:65536', /host or port/],
    ['redis://u:hush@h,', /host or port/],
    ['redis://u:hush@h:port', /host or port/],
    ['redis://u:hush@a,b', /several hosts/],
    ['redis://u:hush@h/1', /database number/],
    ['redis+cluster://u:hush@h/1', /database number/],
    ['redis+sentinel://u:hush@h', /names no primary/],
    ['redis+sentinel://u:hush@h/%ZZ', /names no primary/],
    ['redis://u:hush@h?db=1', /written like/],
  ])('%s is refused in one line that does not repeat it', async (url, problem) => {
    const loaded = await loadConfig({ cwd: folder, env: { CARILLON_REDIS_URL: url }, file: null });
    const text = loaded.ok ? '' : loaded.problem;
    expect(text).toMatch(/^CARILLON_REDIS_URL [^\n]*$/);
    expect(text).toMatch(problem);
    expect(text).not.toContain('hush');
  });
});

describe('redis.prefix', () => {
  it('has at most 64 printable characters, and no braces', () => {
    expect(redisOf({ url: 'redis://h', prefix: 'x'.repeat(64) })).toMatchObject({ prefix: 'x'.repeat(64) });
    expect(problemOf({ url: 'redis://h', prefix: 'x'.repeat(65) })).toMatch(
      /^redis\.prefix has 65 characters/,
    );
    for (const prefix of ['a{b', 'a}b', 'a b', 'ä:', 'a\n'])
      expect(problemOf({ url: 'redis://h', prefix })).toMatch(/^redis\.prefix .*braces/);
  });
});

describe('redis.tls and redis.sentinel', () => {
  it('files are read, wherever the working directory is', () => {
    for (const name of ['ca', 'cert', 'key']) writeFileSync(join(folder, `${name}.pem`), `the ${name}`);
    const tls = { caFile: 'ca.pem', certFile: 'cert.pem', keyFile: join(folder, 'key.pem'), serverName: 'r' };
    expect(redisOf({ url: 'rediss://h', tls })).toMatchObject({
      tls: { ca: 'the ca', cert: 'the cert', key: 'the key', serverName: 'r' },
    });
  });

  it.each([
    [{ url: 'rediss://h', tls: { caFile: 'gone.pem' } }, /^redis\.tls\.caFile: gone\.pem cannot be read/],
    [{ url: 'rediss://h', tls: { certFile: 'ca.pem' } }, /^redis\.tls\.keyFile is missing: set both/],
    [{ url: 'redis://h', tls: { caFile: 'ca.pem' } }, /^redis\.tls\.caFile .*write rediss:/],
    [
      { url: 'redis://h', sentinel: { password: 'hush' } },
      /^redis\.sentinel\.password .*write redis\+sentinel:/,
    ],
    [
      { url: 'redis://h', commandTimeoutMs: 99 },
      /^redis\.commandTimeoutMs must be a whole number from 100 to 60000/,
    ],
    [{ url: 'redis://h', replicaWaitMs: 9 }, /^redis\.replicaWaitMs must be a whole number from 10 to 30000/],
    [{ url: 'redis://h', replicaWaitMs: 30_001 }, /^redis\.replicaWaitMs must be/],
    [{ url: 'redis://h', commandTimeoutMs: 60_001 }, /^redis\.commandTimeoutMs must be/],
  ])('%j is refused', (redis, problem) => {
    expect(problemOf(redis)).toMatch(problem);
    expect(problemOf(redis)).not.toContain('hush');
  });

  it('Sentinels have a login of their own', () => {
    const sentinel = { username: 'watcher', password: 'p' };
    expect(redisOf({ url: 'redis+sentinel://u:q@h/main', sentinel })).toMatchObject({
      topology: { login: { username: 'watcher', password: 'p' } },
      login: { username: 'u', password: 'q' },
    });
  });
});
