import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkClock, checkNodeVersion } from '../../src/cli/checks.ts';
import { newKey, startKeyServer } from '../auth/key-server.ts';
import { newFolder, result, SECRET } from './run-cli.ts';

/** What was found, by the name of the check. */
async function doctor(
  env: Record<string, string>,
  cwd = newFolder(),
): Promise<{ code: number | null; lines: readonly string[]; stderr: string }> {
  const { code, stdout, stderr } = await result(['doctor'], { cwd, env: { PORT: '0', ...env } });
  return { code, stderr, lines: stdout.trimEnd().split('\n') };
}

const lineOf = (lines: readonly string[], name: string): string =>
  lines.find((line) => line.slice(6).startsWith(`${name} `)) ?? '';

describe('carillon doctor', () => {
  it('is content with a machine where a server can start: one line each, exit 0', async () => {
    const { code, lines, stderr } = await doctor({ CARILLON_JWT_SECRET: SECRET });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lines.map((line) => line.slice(0, 17).trimEnd())).toEqual([
      'ok    node',
      'ok    config',
      'ok    auth',
      'ok    port',
      'ok    database',
      'ok    files',
      'ok    clock',
    ]);
    expect(lines.join('')).not.toContain(SECRET);
  });

  it('names what fails and what to do, goes on with the rest, and exits 1', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const port = String((other.address() as AddressInfo).port);
    const { code, lines } = await doctor({
      PORT: port,
      CARILLON_DATABASE_URL: 'sqlite:/dev/null/x',
      CARILLON_TYPO: '1',
    });
    other.close();
    expect(code).toBe(1);
    expect(lineOf(lines, 'auth')).toMatch(/^FAIL .*CARILLON_JWT_SECRET/);
    expect(lineOf(lines, 'port')).toMatch(/^FAIL .*in use/);
    expect(lineOf(lines, 'database')).toMatch(/^FAIL .*\/dev\/null\/x/);
    expect(lines.join('\n')).toMatch(/^FAIL {2}config .*CARILLON_TYPO is no setting/m);
    expect(lineOf(lines, 'clock')).toMatch(/^ok/);
  });

  it('a setting that is wrong is a failure like the others', async () => {
    const { code, lines } = await doctor({ PORT: 'x' });
    expect(code).toBe(1);
    expect(lineOf(lines, 'config')).toMatch(/^FAIL .*PORT must be/);
  });

  it('asks the key server', async () => {
    const key = await newKey('ES256', 'k');
    const server = await startKeyServer(key.jwk);
    const good = await doctor({ CARILLON_JWKS_URL: server.url.href });
    expect(good.code).toBe(0);
    expect(lineOf(good.lines, 'auth')).toMatch(/^ok .*\/keys$/);
    expect(good.lines.join('')).not.toContain('hush');
    await server.close();
    const bad = await doctor({ CARILLON_JWKS_URL: server.url.href });
    expect(bad.code).toBe(1);
    expect(lineOf(bad.lines, 'auth')).toMatch(/^FAIL .*CARILLON_JWKS_URL.*check the address/);
  });

  it('a file that is no database is one line, not a stack', async () => {
    const cwd = newFolder();
    writeFileSync(
      join(cwd, 'x.sqlite'),
      'this is a letter to my mother, not a database, and it is long enough to be seen as one'.repeat(20),
    );
    const { code, lines } = await doctor(
      { CARILLON_JWT_SECRET: SECRET, CARILLON_DATABASE_URL: 'sqlite:x.sqlite' },
      cwd,
    );
    expect(code).toBe(1);
    expect(lineOf(lines, 'database')).toMatch(/^FAIL .*not a database/);
    expect(lines).toHaveLength(7);
  });
});

describe('its checks', () => {
  it('Node must be 22.22 or newer', () => {
    for (const version of ['22.22.0', '22.30.1', '24.0.0', '100.0.0'])
      expect(checkNodeVersion(version)).toMatchObject({ ok: true });
    for (const version of ['22.21.9', '20.19.0', '18.0.0'])
      expect(checkNodeVersion(version)).toMatchObject({
        ok: false,
        detail: expect.stringContaining('22.22'),
      });
  });

  it('a clock that was never set, or that is behind what the database saw, is wrong', () => {
    const now = Date.UTC(2027, 0, 1);
    expect(checkClock(now, null)).toMatchObject({ ok: true });
    expect(checkClock(now, now + 59_000)).toMatchObject({ ok: true });
    expect(checkClock(now, now + 61_000)).toMatchObject({ ok: false });
    expect(checkClock(0, null)).toMatchObject({ ok: false });
  });
});
