import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRedisLink } from '../../src/adapters/redis/link.ts';
import { claimPrefix } from '../../src/adapters/redis/preflight.ts';
import type { RedisSettings, RedisTls } from '../../src/adapters/redis/redis-settings.ts';
import { type Certificates, makeCertificates } from '../servers/certificates.ts';
import { freePorts } from '../servers/child-server.ts';
import { startLyingRedis } from '../servers/lying-redis.ts';
import { linkDeps, openLink, redisSettings } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';

const PASSWORD = 'hush-hush-password';

/** What opening fails with: one line that names the setting and shows no secret. */
async function refusal(settings: RedisSettings): Promise<string> {
  const link = createRedisLink(settings, linkDeps());
  const error = await link.open().then(
    () => null,
    (reason: unknown) => reason,
  );
  await link.close();
  expect(error).toMatchObject({ code: 'redis_refused' });
  const { message } = error as Error;
  expect(message).toMatch(/^CARILLON_REDIS_URL: [^\n]+$/);
  expect(message).not.toContain('hush');
  return message;
}

describe('a Redis that will not do is refused at the start', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it('nobody listens there', async () => {
    const [port] = await freePorts(1);
    expect(await refusal(redisSettings(port!))).toMatch(
      new RegExp(`Redis at 127\\.0\\.0\\.1:${port} cannot be reached \\(.*ECONNREFUSED`),
    );
  });

  it('it accepts connections and says nothing', async () => {
    const dumb = await startRedis();
    dumb.pause();
    expect(await refusal(redisSettings(dumb.port, { commandTimeoutMs: 300 }))).toMatch(/cannot be reached/);
    await dumb.stop();
  });

  it('it asks for a password, or has another one', async () => {
    const guarded = await startRedis({ settings: [['requirepass', PASSWORD]], password: PASSWORD });
    expect(await refusal(redisSettings(guarded.port))).toMatch(/asks for a password: write it like redis:/);
    for (const username of [null, 'default', 'nobody']) {
      const wrong = redisSettings(guarded.port, { login: { username, password: `${PASSWORD}!` } });
      expect(await refusal(wrong)).toMatch(/refuses the user or the password/);
    }
    const link = await openLink(guarded.port, { login: { username: null, password: PASSWORD } });
    expect(await link.command(null, 'PING')).toBe('PONG');
    await link.close();
    await guarded.stop();
  });

  it.each(['6.2.14', '5.0.0', ''])('it says that it is %j', async (version) => {
    const old = await startLyingRedis(
      `redis_version:${version}\r\nrun_id:0\r\nrole:master\r\nmaxmemory_policy:noeviction\r\n`,
    );
    const told = refusal(redisSettings(old.port));
    if (version === '') expect(await told).toMatch(/7\.0 or newer/);
    else expect(await told).toContain(`is ${version}: 7.0 or newer is needed`);
    await old.close();
  });

  it('7.0 itself will do', async () => {
    const just = await startLyingRedis(
      'redis_version:7.0.0\r\nrun_id:0\r\nrole:master\r\nmaxmemory_policy:noeviction\r\n',
    );
    const link = createRedisLink(redisSettings(just.port), linkDeps());
    await link.open();
    await link.close();
    await just.close();
  });

  it('it drops keys when its memory is full, also where CONFIG is forbidden', async () => {
    const forgetful = await startRedis({
      settings: [
        ['maxmemory', '100mb'],
        ['maxmemory-policy', 'allkeys-lru'],
      ],
    });
    await forgetful.run('ACL', 'SETUSER', 'app', 'on', `>${PASSWORD}`, '~*', '&*', '+@all', '-config');
    const login = { username: 'app', password: PASSWORD };
    expect(await refusal(redisSettings(forgetful.port, { login }))).toMatch(
      /maxmemory-policy allkeys-lru\): set maxmemory-policy to noeviction$/,
    );
    await forgetful.run('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    const link = await openLink(forgetful.port, { login });
    await link.close();
    await forgetful.stop();
  });

  it('it is a replica', async () => {
    const replica = await startRedis({ settings: [['replicaof', `127.0.0.1 ${server.port}`]] });
    expect(await refusal(redisSettings(replica.port))).toMatch(/is a replica: name its primary/);
    await replica.stop();
  });

  it('no Sentinel answers, or none knows the name', async () => {
    const [port] = await freePorts(1);
    const topology = {
      kind: 'sentinel',
      sentinels: [{ host: '127.0.0.1', port: port! }],
      name: 'main',
      login: { username: null, password: null },
    } as const;
    expect(await refusal(redisSettings(0, { topology }))).toMatch(
      /cannot be reached \(.*Sentinel.*ECONNREFUSED/,
    );
  });

  it('it is no Cluster', async () => {
    const topology = { kind: 'cluster', nodes: [{ host: '127.0.0.1', port: server.port }] } as const;
    expect(await refusal(redisSettings(0, { topology }))).toMatch(/cluster support disabled/);
  });

  it('another app has the prefix; who has it may come back, and others have prefixes of their own', async () => {
    const link = await openLink(server.port);
    await claimPrefix(link, 'database-1');
    await claimPrefix(link, 'database-1');
    await expect(claimPrefix(link, 'database-2')).rejects.toMatchObject({
      code: 'redis_refused',
      message:
        'another app uses this Redis with the prefix "carillon:": set CARILLON_REDIS_PREFIX to one of its own',
    });
    const other = await openLink(server.port, { prefix: 'carillon2:' });
    await claimPrefix(other, 'database-2');
    // A Redis that was emptied belongs to whoever comes first.
    await server.run('FLUSHALL');
    await claimPrefix(link, 'database-1');
    await link.close();
    await other.close();
  });
});

describe('Redis over TLS', () => {
  let certificates: Certificates;
  let server: RedisServer;
  beforeAll(async () => {
    certificates = makeCertificates();
    server = await startRedis({
      ca: certificates.ca,
      settings: [
        ['tls-cert-file', certificates.certFile],
        ['tls-key-file', certificates.keyFile],
        ['tls-ca-cert-file', certificates.caFile],
        ['tls-auth-clients', 'optional'],
      ],
    });
  });
  afterAll(async () => {
    await server.stop();
    certificates.remove();
  });

  const tls = (more: Partial<RedisTls> = {}): RedisTls => ({
    ca: certificates.ca,
    cert: null,
    key: null,
    serverName: null,
    ...more,
  });

  it('goes where the certificate is signed by the authority and bears the host or the name that is set', async () => {
    for (const settings of [
      tls(),
      tls({ serverName: 'redis.test' }),
      tls({ cert: certificates.cert, key: certificates.key }),
    ]) {
      const link = await openLink(server.port, { tls: settings });
      expect(await link.command(null, 'PING')).toBe('PONG');
      await link.close();
    }
  });

  it('a certificate of somebody else, or for another name, is refused', async () => {
    const strangers = makeCertificates();
    expect(await refusal(redisSettings(server.port, { tls: tls({ ca: null }) }))).toMatch(
      /certificate.*trusted/,
    );
    expect(await refusal(redisSettings(server.port, { tls: tls({ ca: strangers.ca }) }))).toMatch(/trusted/);
    expect(await refusal(redisSettings(server.port, { tls: tls({ serverName: 'other.test' }) }))).toMatch(
      /other\.test/,
    );
    strangers.remove();
  });

  it('a certificate of our own is shown to a Redis that asks for one', async () => {
    await server.run('CONFIG', 'SET', 'tls-auth-clients', 'yes');
    await refusal(redisSettings(server.port, { tls: tls(), commandTimeoutMs: 2_000 }));
    const link = await openLink(server.port, {
      tls: tls({ cert: certificates.cert, key: certificates.key }),
    });
    await link.close();
  });

  it('without TLS where Redis speaks it, and with it where it does not', async () => {
    expect(await refusal(redisSettings(server.port, { commandTimeoutMs: 2_000 }))).toMatch(/rediss:\/\//);
    const plain = await startRedis();
    expect(await refusal(redisSettings(plain.port, { tls: tls(), commandTimeoutMs: 2_000 }))).toMatch(
      /does it speak TLS/,
    );
    await plain.stop();
  });
});
