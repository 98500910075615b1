import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { signToken } from '../../src/auth/sign-token.ts';
import { sub as subCommand } from '../../src/cli/sub.ts';
import { type ChannelServer, startChannelServer } from './channel-server.ts';
import { carillon, newFolder, type Run, SECRET } from './run-cli.ts';
import { runHere } from './run-here.ts';

let s: ChannelServer;
beforeAll(async () => {
  s = await startChannelServer();
});
afterAll(() => s.close());

vi.setConfig({ testTimeout: 90_000 /* processes that start on a busy machine */ });

const env = { CARILLON_JWT_SECRET: SECRET };

function sub(args: readonly string[], url = s.url): Run {
  return carillon(['sub', ...args, '--url', url], { cwd: newFolder(), env });
}

const lines = (run: Run): Record<string, unknown>[] =>
  run
    .stdout()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const data = (run: Run): unknown[] => lines(run).map((line) => line['data']);

/** Waits until the command is subscribed: the server knows. */
async function subscribed(channel: string): Promise<void> {
  const path = `/v1/channels/${encodeURIComponent(channel)}`;
  await expect
    .poll(async () => (await s.api('GET', path)).body, { timeout: 60_000 })
    .toMatchObject({ subscribers: 1 });
}

describe('carillon sub', () => {
  it('prints what is published, ends after so many, and says up to where it printed', async () => {
    const run = sub(['chat:a%20b', '--user', 'auth0|1', '--count', '2']);
    await subscribed('chat:a%20b');
    const first = await s.publish('chat:a%20b', { text: 'one' });
    const second = await s.publish('chat:a%20b', null);
    expect(await run.ended).toMatchObject({ code: 0 });
    const epoch = first.split(':')[0];
    expect(lines(run)).toEqual([
      { epoch, offset: 1, atMs: expect.any(Number), data: { text: 'one' } },
      { epoch, offset: 2, atMs: expect.any(Number), data: null },
    ]);
    expect(run.stderr()).toBe(`carillon: position ${second}\n`);
  });

  it('begins with the last so many, or goes on behind a position', async () => {
    const positions: string[] = [];
    for (const n of [1, 2, 3, 4]) positions.push(await s.publish('chat:begin', n));
    const last = sub(['chat:begin', '--user', 'u', '--last', '2', '--count', '2']);
    const from = sub(['chat:begin', '--user', 'u', '--from', positions[0] ?? '', '--count', '3']);
    expect((await last.ended).code).toBe(0);
    expect((await from.ended).code).toBe(0);
    expect(data(last)).toEqual([3, 4]);
    expect(data(from)).toEqual([2, 3, 4]);
  });

  it('takes up where it was when the line drops, again and again: nothing is lost, nothing comes twice', async () => {
    const way = await s.cuttable();
    const run = sub(['chat:cut', '--user', 'u', '--count', '40'], way.url);
    await subscribed('chat:cut');
    for (let n = 1; n <= 40; n++) {
      await s.publish('chat:cut', n);
      if (n % 10 !== 5) continue;
      // In the middle of what is on its way; three publications are missed before the way is mended.
      way.cut();
      for (let missed = 0; missed < 3; missed++) await s.publish('chat:cut', ++n);
      way.mend();
      await way.used();
    }
    expect((await run.ended).code).toBe(0);
    expect(data(run)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
    expect(run.stderr()).toMatch(/the line was lost \(1006\); trying again/);
    await way.close();
  });

  it('ends with SIGINT, exit 0 and the position, and goes on from there without a gap', async () => {
    const run = sub(['chat:int', '--user', 'brief']);
    await subscribed('chat:int');
    await s.publish('chat:int', 1);
    await run.says(/"data":1/);
    run.child.kill('SIGINT');
    expect(await run.ended).toEqual({ code: 0, signal: null });
    const [, position = ''] = /^carillon: position (\S+)\n$/.exec(run.stderr()) ?? [];
    await s.publish('chat:int', 2);
    const again = sub(['chat:int', '--user', 'brief', '--from', position, '--count', '1']);
    expect((await again.ended).code).toBe(0);
    expect(data(again)).toEqual([2]);
    // The session was given up, not left to its grace.
    expect((await s.api('GET', '/v1/users/brief/sessions')).body).toEqual({ sessions: [] });
  });

  it('changes nothing about how its user is seen', async () => {
    const run = sub(['chat:quiet', '--user', 'quiet']);
    await subscribed('chat:quiet');
    expect((await s.api('GET', '/v1/users/quiet/presence')).body).toMatchObject({
      user: 'quiet',
      s: 'Offline',
    });
    const other = await s.logIn('quiet');
    expect((await s.api('GET', '/v1/users/quiet/presence')).body).toEqual({ user: 'quiet', s: 'Online' });
    other.socket.terminate();
    run.child.kill('SIGTERM');
    expect((await run.ended).code).toBe(0);
  });

  it('says what could not be recovered, goes on, and ends with 3', async () => {
    await s.publish('chat:lost', 1);
    const run = sub(['chat:lost', '--user', 'u', '--from', 'another:7', '--count', '1']);
    await run.says(/not recovered \(epoch\): publications behind another:7 are missing/);
    await s.publish('chat:lost', 2);
    expect((await run.ended).code).toBe(3);
    expect(data(run)).toEqual([2]);
    for (let n = 0; n < 60; n++) await s.publish('chat:trimmed', n);
    const epoch = (await s.publish('chat:trimmed', 60)).split(':')[0];
    const trimmed = sub(['chat:trimmed', '--user', 'u', '--from', `${epoch}:1`]);
    await trimmed.says(
      /not recovered \(trimmed\): publications behind \S+:1 are missing, it goes on behind \S+:61/,
    );
    trimmed.child.kill('SIGINT');
    expect((await trimmed.ended).code).toBe(3);
  });

  it('prints the changes of a map and signals, whatever it is told of them', async () => {
    const map = sub(['tasks:mine', '--user', 'mine', '--count', '2']);
    await subscribed('tasks:mine');
    const path = '/v1/channels/tasks%3Amine/publications';
    await s.api('POST', path, { key: 'k', data: 5, version: 2 });
    await s.api('POST', path, { key: 'k', del: true });
    expect((await map.ended).code).toBe(0);
    expect(lines(map)).toMatchObject([
      { offset: 1, key: 'k', data: 5, version: 2 },
      { offset: 2, key: 'k', del: true },
    ]);
    const signal = sub(['cursor:1', '--user', 'u', '--count', '1']);
    await subscribed('cursor:1');
    await s.api('POST', '/v1/channels/cursor%3A1/publications', { data: 9 });
    expect((await signal.ended).code).toBe(0);
    expect(lines(signal)).toEqual([{ session: '', data: 9 }]);
  });

  it('ends quietly when nobody reads any more', async () => {
    const run = sub(['chat:head', '--user', 'u']);
    await subscribed('chat:head');
    await s.publish('chat:head', 1);
    await run.says(/"data":1/);
    run.child.stdout?.destroy();
    await expect
      .poll(async () => {
        await s.publish('chat:head', 2);
        return run.child.exitCode;
      })
      .toBe(0);
    expect(run.stderr()).toMatch(/^carillon: position \S+\n$/);
  });

  it.each([
    ['a channel that is closed to the user', 'closed:1', [], /^carillon: forbidden: /],
    ['a channel of somebody else', 'tasks:other', [], /^carillon: forbidden: /],
    ['a channel that there is not', 'nothing:1', [], /^carillon: channel_unknown: /],
    ['the last of a map', 'tasks:u', ['--last', '2'], /^carillon: kind_mismatch: /],
  ])('%s is refused with its code, exit 1', async (_name, channel, more, line) => {
    const token = await loginToken('u');
    const args = [channel, '--user', 'u', '--token', token, '--url', s.url, ...more];
    const { code, stdout, stderr } = await runHere(subCommand, args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(line);
  });

  it('a login that is refused says why, exit 1', async () => {
    const args = ['chat:1', '--user', 'u', '--url', s.url];
    for (const [token, line] of [
      ['forged', /^carillon: token_invalid: /],
      [await loginToken('another'), /^carillon: username_mismatch: /],
    ] as const) {
      const ended = await runHere(subCommand, [...args, '--token', token]);
      expect(ended).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(line) });
    }
    expect(await runHere(subCommand, args)).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^carillon: CARILLON_JWT_SECRET is not set/),
    });
  });

  it('needs a server that is there', async () => {
    const way = await s.cuttable();
    await way.close();
    const args = ['chat:1', '--user', 'u', '--token', 'x', '--url', way.url];
    expect(await runHere(subCommand, args)).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^carillon: ws:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/),
    });
  });

  it.each([
    ['no channel', ['--user', 'u']],
    ['two channels', ['a', 'b', '--user', 'u']],
    ['no user', ['chat:1']],
    ['a user with a control character', ['chat:1', '--user', 'a\u0007']],
    ['half a position', ['chat:1', '--user', 'u', '--from', 'e']],
    ['more than are in a page', ['chat:1', '--user', 'u', '--last', '1001']],
    ['a number that is none', ['chat:1', '--user', 'u', '--last', 'all']],
    ['a count of nothing', ['chat:1', '--user', 'u', '--count', '0']],
    ['both beginnings', ['chat:1', '--user', 'u', '--from', 'e:1', '--last', '1']],
    ['an address that is none', ['chat:1', '--user', 'u', '--url', 'nowhere']],
  ])('%s: one line on stderr, exit 2', async (_name, args) => {
    const { code, stdout, stderr } = await runHere(subCommand, args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^carillon: .*\n$/);
  });
});

function loginToken(user: string): Promise<string> {
  return signToken({ secret: SECRET, user, ttlMs: 60_000, issuer: null, audience: null, nowMs: Date.now() });
}
