import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConfigResult, loadConfig, resolveConfig } from '../../src/config.ts';

const SECRET = 'a secret of at least thirty-two bytes';
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'carillon-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const load = (env: Record<string, string> = {}, file: string | null = null): Promise<ConfigResult> =>
  loadConfig({ cwd: folder, env, file });

async function problem(env: Record<string, string>, file: string | null = null): Promise<string> {
  const result = await load(env, file);
  expect(result.ok).toBe(false);
  if (result.ok) return '';
  // One line, always: it is all that whoever starts the server gets.
  expect(result.problem).not.toMatch(/[\r\n]/);
  return result.problem;
}

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);

describe('where settings come from', () => {
  it('with nothing given, the defaults of the design hold, and nobody may log in', async () => {
    expect(await load()).toMatchObject({
      ok: true,
      file: null,
      config: {
        port: 8005,
        host: '127.0.0.1',
        apiKey: null,
        auth: null,
        allowedOrigins: [],
        database: { kind: 'sqlite', path: join(folder, '.carillon', 'carillon.sqlite') },
        node: {
          conflateMs: 50,
          graceMs: 60_000,
          heartbeatMs: 30_000,
          loginTimeoutMs: 10_000,
          followsOf: null,
        },
        limits: { messageBytes: 65_536 },
      },
    });
  });

  it('carillon.config.ts in the working directory is TypeScript, and may hold hooks', async () => {
    write(
      'carillon.config.ts',
      `type User = string
       export default {
         port: 1234,
         auth: { authenticate: ({ token }: { token: string }) => ({ user: token }) },
         presence: { fields: { mood: { maxLength: 9 } }, audience: { mood: 'close' }, followsOf: (user: User) => [user] },
       }`,
    );
    const result = await load();
    expect(result).toMatchObject({
      ok: true,
      file: join(folder, 'carillon.config.ts'),
      config: {
        port: 1234,
        auth: { kind: 'hook' },
        node: {
          fields: [{ name: 'mood', maxLength: 9 }],
          audience: { kind: 'rules', rules: { mood: 'close' } },
        },
      },
    });
    expect(result.ok && result.config.node.followsOf?.('x')).toEqual(['x']);
  });

  it('--config names another file, and one that is not there is an error', async () => {
    write('other.mjs', 'export default { port: 4321 }');
    expect(await load({}, 'other.mjs')).toMatchObject({ ok: true, config: { port: 4321 } });
    expect(await problem({}, 'missing.ts')).toBe('--config missing.ts: there is no such file');
  });

  it('the environment overrides the file, one setting at a time, at any depth', async () => {
    write(
      'carillon.config.mjs',
      'export default { port: 1, host: "127.0.0.9", sessions: { graceMs: 5, heartbeatMs: 700 } }',
    );
    expect(
      await load({
        PORT: '2',
        CARILLON_SESSIONS_GRACE_MS: '6',
        CARILLON_ALLOWED_ORIGINS: 'https://a.example, https://b.example:8443',
      }),
    ).toMatchObject({
      config: {
        port: 2,
        host: '127.0.0.9',
        allowedOrigins: ['https://a.example', 'https://b.example:8443'],
        node: { graceMs: 6, heartbeatMs: 700 },
      },
    });
  });

  it("a command's own default holds where neither the file nor the environment says anything", async () => {
    const defaults = { databaseUrl: 'sqlite:own.sqlite', port: 1 };
    const database = async (env: Record<string, string> = {}): Promise<unknown> => {
      const result = await loadConfig({ cwd: folder, env, file: null, defaults });
      const { database } = result.ok ? result.config : { database: null };
      return (
        result.ok && [database?.kind === 'sqlite' && relative(folder, database.path), result.config.port]
      );
    };
    expect(await database()).toEqual(['own.sqlite', 1]);
    expect(await database({ CARILLON_DATABASE_URL: 'sqlite:env.sqlite' })).toEqual(['env.sqlite', 1]);
    write('carillon.config.mjs', 'export default { databaseUrl: "sqlite:file.sqlite", port: undefined }');
    expect(await database()).toEqual(['file.sqlite', 1]);
    expect(await database({ CARILLON_DATABASE_URL: 'sqlite:env.sqlite' })).toEqual(['env.sqlite', 1]);
  });

  it('an empty variable counts as unset', async () => {
    expect(await load({ PORT: '', CARILLON_JWT_SECRET: '', CARILLON_REDIS_URL: '' })).toMatchObject({
      ok: true,
      config: { port: 8005, auth: null },
    });
  });

  it('a variable that is no setting is named, so that a typo is not a silent default', async () => {
    expect(await load({ CARILLON_JWT_SECERT: 'x', OTHER: 'y' })).toMatchObject({
      ok: true,
      unknownVariables: ['CARILLON_JWT_SECERT'],
    });
  });

  it('webhooks and the secret of grants are taken, and nobody is told unless somebody is named', async () => {
    expect(await load({})).toMatchObject({ ok: true, config: { webhooks: null, grantSecret: null } });
    expect(
      await load({
        CARILLON_WEBHOOK_URL: 'https://app.example/hooks?x=1',
        CARILLON_WEBHOOK_SECRET: SECRET,
        CARILLON_WEBHOOKS_EVENTS: 'user.offline',
        CARILLON_GRANT_SECRET: `${SECRET}!`,
      }),
    ).toMatchObject({
      ok: true,
      config: {
        webhooks: {
          url: new URL('https://app.example/hooks?x=1'),
          secret: SECRET,
          settings: {
            receiver: 'https://app.example/hooks',
            types: new Set(['user.offline']),
            timeoutMs: 10_000,
            atOnce: 8,
            queued: 10_000,
            maxAgeMs: 86_400_000,
          },
        },
        grantSecret: `${SECRET}!`,
      },
    });
  });

  it('secret, issuer and audience become one way to log in', async () => {
    expect(
      await load({
        CARILLON_JWT_SECRET: SECRET,
        CARILLON_JWT_ISSUER: 'https://id.example',
        CARILLON_JWT_AUDIENCE: 'a,b',
      }),
    ).toMatchObject({
      config: {
        auth: {
          kind: 'secret',
          secret: SECRET,
          rules: { issuer: 'https://id.example', audience: ['a', 'b'] },
        },
      },
    });
    expect(await load({ CARILLON_JWKS_URL: 'https://id.example/keys' })).toMatchObject({
      config: {
        auth: {
          kind: 'jwks',
          url: new URL('https://id.example/keys'),
          rules: { issuer: null, audience: null },
        },
      },
    });
  });

  it('a sqlite path is absolute or starts at the working directory', async () => {
    expect(await load({ CARILLON_DATABASE_URL: 'sqlite:x/y.sqlite' })).toMatchObject({
      config: { database: { kind: 'sqlite', path: join(folder, 'x/y.sqlite') } },
    });
    expect(await load({ CARILLON_DATABASE_URL: 'sqlite:/var/lib/c.sqlite' })).toMatchObject({
      config: { database: { kind: 'sqlite', path: '/var/lib/c.sqlite' } },
    });
  });
});

describe('a wrong value stops the start with one line that names the setting', () => {
  it.each([
    ['PORT', 'abc', /^PORT must be a whole number from 0 to 65535, not "abc"/],
    ['PORT', '65536', /^PORT must be a whole number from 0 to 65535, not 65536/],
    ['PORT', '-1', /^PORT .* not -1/],
    ['PORT', '1.5', /^PORT /],
    ['PORT', '1e3', /^PORT /],
    ['HOST', 'two words', /^HOST is no host name/],
    ['CARILLON_JWKS_URL', 'http://id.example/keys', /^CARILLON_JWKS_URL .*https/],
    ['CARILLON_JWKS_URL', 'nonsense', /^CARILLON_JWKS_URL is not a URL/],
    ['CARILLON_DATABASE_URL', 'postgres://u:hush@h', /^CARILLON_DATABASE_URL names no database/],
    ['CARILLON_DATABASE_URL', 'postgresql://u:hush@h/', /^CARILLON_DATABASE_URL names no database/],
    ['CARILLON_DATABASE_URL', 'postgres://u:hu#sh@h/d', /^CARILLON_DATABASE_URL is no address of a Postgres/],
    ['CARILLON_DATABASE_URL', 'postgres:///d', /^CARILLON_DATABASE_URL is no address of a Postgres/],
    [
      'CARILLON_DATABASE_POOL_SIZE',
      '1',
      /^CARILLON_DATABASE_POOL_SIZE must be a whole number from 2 to 1000/,
    ],
    ['CARILLON_DATABASE_URL', 'mysql://u:hush@h/d', /^CARILLON_DATABASE_URL has a scheme/],
    ['CARILLON_DATABASE_URL', 'sqlite:', /^CARILLON_DATABASE_URL names no file/],
    ['CARILLON_DATABASE_URL', 'sqlite::memory:', /^CARILLON_DATABASE_URL must name a plain file/],
    [
      'CARILLON_ALLOWED_ORIGINS',
      'https://a.example,https://b.example/path',
      /^CARILLON_ALLOWED_ORIGINS .*write https:\/\/b\.example/,
    ],
    ['CARILLON_ALLOWED_ORIGINS', 'a.example', /^CARILLON_ALLOWED_ORIGINS .*is no origin/],
    ['CARILLON_TRUSTED_PROXIES', '10.0.0.0/33', /^CARILLON_TRUSTED_PROXIES .*prefix length from 0 to 32/],
    ['CARILLON_TRUSTED_PROXIES', 'proxy.example', /^CARILLON_TRUSTED_PROXIES .*no IP address/],
    ['CARILLON_LOG_LEVEL', 'loud', /^CARILLON_LOG_LEVEL must be one of trace, .*not "loud"/],
    ['CARILLON_LIMITS_MESSAGE_BYTES', '5', /^CARILLON_LIMITS_MESSAGE_BYTES must be a whole number from 1024/],
    ['CARILLON_SESSIONS_GRACE_MS', 'soon', /^CARILLON_SESSIONS_GRACE_MS must be a whole number/],
    ['CARILLON_API_KEY', 'hush', /^CARILLON_API_KEY has 4 characters/],
    [
      'CARILLON_API_KEY',
      'hush hush hush hush',
      /^CARILLON_API_KEY has characters that no HTTP header carries/,
    ],
    ['CARILLON_JWT_SECRET', 'hush', /^CARILLON_JWT_SECRET has 4 bytes, and HS256 needs at least 32/],
    [
      'CARILLON_JWT_SECRET',
      '-----BEGIN PUBLIC KEY-----\nhush hush hush hush hush\n',
      /^CARILLON_JWT_SECRET is a PEM key/,
    ],
  ])('%s=%j', async (variable, value, line) => {
    const said = await problem({ [variable]: value });
    expect(said).toMatch(line);
    expect(said).not.toContain('hush');
  });

  it.each([
    [{ CARILLON_WEBHOOK_URL: 'https://app.example/hooks' }, /^webhooks\.secret is missing/],
    [{ CARILLON_WEBHOOK_SECRET: `hush ${SECRET}` }, /^webhooks\.url is missing/],
    [{ CARILLON_WEBHOOK_URL: 'http://app.example/hush' }, /^CARILLON_WEBHOOK_URL .*must be https:/],
    [{ CARILLON_WEBHOOK_SECRET: 'hush' }, /^CARILLON_WEBHOOK_SECRET has 4 bytes/],
    [{ CARILLON_WEBHOOK_SECRET: 'whsec_hush!' }, /^CARILLON_WEBHOOK_SECRET has something that is not base64/],
    [
      { CARILLON_WEBHOOKS_EVENTS: 'user.online,user.away' },
      /^CARILLON_WEBHOOKS_EVENTS "user\.away" is none of/,
    ],
    [{ CARILLON_WEBHOOKS_QUEUED: '99' }, /^CARILLON_WEBHOOKS_QUEUED must be a whole number from 100/],
    [{ CARILLON_GRANT_SECRET: 'hush' }, /^CARILLON_GRANT_SECRET has 4 bytes/],
    [
      { CARILLON_GRANT_SECRET: `hush ${SECRET}`, CARILLON_JWT_SECRET: `hush ${SECRET}` },
      /^CARILLON_GRANT_SECRET is the secret of login tokens/,
    ],
  ])('%j', async (variables, line) => {
    const said = await problem(variables);
    expect(said).toMatch(line);
    expect(said).not.toContain('hush');
  });

  it('two ways to log in at once, even one from the file and one from the environment', async () => {
    expect(await problem({ CARILLON_JWT_SECRET: SECRET, CARILLON_JWKS_URL: 'https://id.example/k' })).toMatch(
      /^auth.*2 ways/,
    );
    write('carillon.config.mjs', 'export default { auth: { authenticate: () => null } }');
    const said = await problem({ CARILLON_JWT_SECRET: SECRET });
    expect(said).toMatch(/^auth.*2 ways \(secret, authenticate\)/);
    expect(said).not.toContain(SECRET);
  });

  it.each([
    ['a setting that there is not', 'export default { prot: 1 }', /there is no setting "prot"/],
    [
      'a setting that a section has not',
      'export default { limits: { mesageBytes: 1 } }',
      /^limits: there is no setting "mesageBytes"/,
    ],
    ['a section that is none', 'export default { limits: 5 }', /^limits/],
    [
      'a field name that the protocol uses',
      'export default { presence: { fields: { ts: {} } } }',
      /^presence\.fields .*"ts"/,
    ],
    [
      'a field that is too long',
      'export default { presence: { fields: { a: { maxLength: 5000 } } } }',
      /^presence\.fields/,
    ],
    [
      'an audience for a field that there is not',
      'export default { presence: { audience: { mood: "close" } } }',
      /^presence\.audience names "mood"/,
    ],
    [
      'an audience that there is not',
      'export default { presence: { audience: { a: "all" } } }',
      /^presence\.audience/,
    ],
    [
      'a hook that is no function',
      'export default { presence: { followsOf: "x" } }',
      /^presence\.followsOf is not a function/,
    ],
    [
      'issuer beside a hook, where it would check nothing',
      'export default { auth: { authenticate: () => null, issuer: "x" } }',
      /^auth .*remove them/,
    ],
    [
      'a secret that is no text',
      'export default { auth: { secret: 12345 } }',
      /^auth\.secret must be a text, its value is not shown/,
    ],
    ['no default export', 'export const port = 1', /export the configuration as its default/],
    [
      'code that throws',
      'throw new Error("no such thing\\nsecond line")',
      /cannot be loaded: no such thing$/,
    ],
    ['code that is none', 'export default {', /cannot be loaded/],
  ])('in the file: %s', async (_name, text, line) => {
    write('carillon.config.mjs', text);
    expect(await problem({})).toMatch(line);
  });
});

describe('a configuration given as an object', () => {
  it('is checked the same, and never changed', () => {
    const given = Object.freeze({ port: 0, auth: Object.freeze({ secret: SECRET }) });
    expect(resolveConfig(given, folder)).toMatchObject({ ok: true, config: { port: 0 } });
    expect(resolveConfig({ port: '0' }, folder)).toMatchObject({
      ok: false,
      problem: expect.stringContaining('port must be'),
    });
    for (const nonsense of [null, 1, 'x', []])
      expect(resolveConfig(nonsense, folder)).toMatchObject({ ok: false });
  });
});
