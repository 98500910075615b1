import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Opened, runOf } from '../websocket/gateway-under-test.ts';
import { type LinesUnderTest, type Posted, post, startLines } from './lines-under-test.ts';

let underTest: LinesUnderTest;
beforeEach(async () => {
  underTest = await startLines();
});
afterEach(() => underTest.stop());

const ask = (body: unknown): ReturnType<typeof post> => post(underTest.port, '/poll', body);

type Polling = { readonly opened: Opened; readonly line: string };

/** A line that was told one batch, which nobody acknowledged yet. */
async function begin(): Promise<Polling> {
  const opening = underTest.nextOpened();
  const answer = ask({ ms: [{ t: 'login' }] });
  const opened = await opening;
  opened.connection.write(runOf('{"t":"token"}'));
  const { status, body } = await answer;
  expect(status).toBe(200);
  expect(body).toEqual({ line: expect.stringMatching(/^node-a\.[\w-]{22,}$/), k: 1, ms: [{ t: 'token' }] });
  return { opened, line: body['line'] as string };
}

const polled = (posted: Posted): object => ({ status: posted.status, body: posted.body });

describe('a line that is polled', () => {
  it('[HTTP2] [HTTP5] opens with its messages and is answered as soon as there is something', async () => {
    const { opened } = await begin();
    expect(opened.connection.transport).toBe('poll');
    expect(opened.told).toEqual([{ kind: 'message', text: '{"t":"login"}' }]);
  });

  it('[HTTP5] is told its name also where nothing comes within the wait', async () => {
    const opening = underTest.nextOpened();
    const answer = ask({ ms: [] });
    await opening;
    await underTest.clock.advance(25_000);
    expect((await answer).body).toEqual({ line: expect.stringContaining('node-a.'), k: 0, ms: [] });
  });

  it('[HTTP5] keeps a batch until it is acknowledged, and sends it again as it was', async () => {
    const { opened, line } = await begin();
    expect(opened.connection.writing).toBe(true);
    const again = await ask({ line, ack: 0, wait: 0 });
    expect(again.body).toEqual({ line, k: 1, ms: [{ t: 'token' }] });
    expect(opened.connection.writing).toBe(true);
    expect(opened.told.some(({ kind }) => kind === 'drained')).toBe(false);
    const next = ask({ line, ack: 1, wait: 25_000 });
    await opened.waitFor('drained');
    expect(opened.connection.writing).toBe(false);
    opened.connection.write(runOf('{"t":"a"}', '{"t":"b"}'));
    expect(polled(await next)).toEqual({ status: 200, body: { line, k: 2, ms: [{ t: 'a' }, { t: 'b' }] } });
  });

  it('[HTTP5] is answered with nothing when nothing came within `wait`, however long it asks for', async () => {
    const { opened, line } = await begin();
    const short = ask({ line, ack: 1, wait: 10 });
    await opened.waitFor('drained');
    await underTest.clock.advance(10);
    expect((await short).body).toEqual({ line, k: 1, ms: [] });
    const waits = underTest.armed(25_000);
    const long = ask({ line, ack: 1, wait: 1_000_000 });
    await waits;
    await underTest.clock.advance(25_000);
    expect((await long).body).toEqual({ line, k: 1, ms: [] });
  });

  it.each([0, 3, 7])('[HTTP5] refuses an `ack` that is none of the last two batches: %d', async (ack) => {
    const { opened, line } = await begin();
    const second = ask({ line, ack: 1, wait: 1_000 });
    await opened.waitFor('drained');
    opened.connection.write(runOf('{"t":"a"}'));
    await second;
    const { status, body } = await ask({ line, ack, wait: 0 });
    expect(status).toBe(409);
    expect(body).toMatchObject({ code: 'poll_conflict' });
    // Nothing was lost by it.
    expect((await ask({ line, ack: 1, wait: 0 })).body).toEqual({ line, k: 2, ms: [{ t: 'a' }] });
  });

  it('[HTTP5] refuses a poll from before what was acknowledged already', async () => {
    const { opened, line } = await begin();
    const next = ask({ line, ack: 1, wait: 0 });
    await opened.waitFor('drained');
    await underTest.clock.advance(0);
    await next;
    expect(await ask({ line, ack: 0, wait: 0 })).toMatchObject({
      status: 409,
      body: { code: 'poll_conflict' },
    });
  });

  it('[HTTP6] answers the older of two polls with a conflict, and goes on with the newer', async () => {
    const { opened, line } = await begin();
    const older = ask({ line, ack: 1, wait: 25_000 });
    await opened.waitFor('drained');
    const newer = ask({ line, ack: 1, wait: 25_000 });
    expect(await older).toMatchObject({ status: 409, body: { code: 'poll_conflict' } });
    opened.connection.write(runOf('{"t":"a"}'));
    expect((await newer).body).toEqual({ line, k: 2, ms: [{ t: 'a' }] });
  });

  it('[HTTP6] tells a poll that was overtaken by its number, and does not answer the newer for it', async () => {
    const { opened, line } = await begin();
    const newer = ask({ line, ack: 1, wait: 25_000, p: 2 });
    await opened.waitFor('drained');
    const late = ask({ line, ack: 1, wait: 25_000, p: 1 });
    expect(await late).toMatchObject({ status: 409, body: { code: 'poll_conflict' } });
    // A proxy repeats what it got no answer to: of the same poll the one that came last goes on.
    const again = ask({ line, ack: 1, wait: 25_000, p: 2 });
    expect(await newer).toMatchObject({ status: 409, body: { code: 'poll_conflict' } });
    opened.connection.write(runOf('{"t":"a"}'));
    expect((await again).body).toEqual({ line, k: 2, ms: [{ t: 'a' }] });
  });

  it.each([-1, 0.5, '1', null])('[HTTP6] refuses a poll whose number is none: %s', async (p) => {
    const { line } = await begin();
    expect(await ask({ line, ack: 1, wait: 0, p })).toMatchObject({
      status: 400,
      body: { code: 'bad_message' },
    });
  });

  it('[HTTP5] keeps what a poll that hung up was not told', async () => {
    const { opened, line } = await begin();
    const dropped = ask({ line, ack: 1, wait: 25_000 });
    const failed = expect(dropped).rejects.toThrow();
    await opened.waitFor('drained');
    dropped.drop();
    await failed;
    opened.connection.write(runOf('{"t":"a"}'));
    expect((await ask({ line, ack: 1, wait: 0 })).body).toEqual({ line, k: 2, ms: [{ t: 'a' }] });
  });

  it('[HTTP6] ends where nobody polls for the gap, and not before', async () => {
    const { opened, line } = await begin();
    await underTest.clock.advance(29_999);
    expect((await ask({ line, ack: 0, wait: 0 })).status).toBe(200);
    await underTest.clock.advance(29_999);
    expect(opened.told.some(({ kind }) => kind === 'closed')).toBe(false);
    await underTest.clock.advance(1);
    expect(opened.told.at(-1)).toEqual({ kind: 'closed', code: 1006 });
    expect(underTest.door.connections).toBe(0);
    expect(await ask({ line, ack: 1, wait: 0 })).toMatchObject({
      status: 404,
      body: { code: 'line_unknown' },
    });
    expect(await ask({ line, n: 2, ms: [{}] })).toMatchObject({
      status: 404,
      body: { code: 'line_unknown' },
    });
  });

  it('[HTTP6] does not end while a poll waits', async () => {
    const { opened, line } = await begin();
    let poll = ask({ line, ack: 1, wait: 25_000 });
    await opened.waitFor('drained');
    for (let at = 0; at < 4; at++) {
      await underTest.clock.advance(25_000);
      expect((await poll).status).toBe(200);
      const waits = underTest.armed(25_000);
      poll = ask({ line, ack: 1 });
      await waits;
    }
    expect(opened.told.some(({ kind }) => kind === 'closed')).toBe(false);
    opened.connection.write(runOf('{"t":"a"}'));
    expect((await poll).body).toEqual({ line, k: 2, ms: [{ t: 'a' }] });
  });
});

describe('the end of a line that is polled', () => {
  it('[HTTP5] stands in the batch with the `bye`, for the poll that waits', async () => {
    const { opened, line } = await begin();
    const poll = ask({ line, ack: 1, wait: 25_000 });
    await opened.waitFor('drained');
    opened.connection.write(runOf('{"t":"bye"}'));
    opened.connection.close(4000, 'draining');
    expect((await poll).body).toEqual({ line, k: 2, ms: [{ t: 'bye' }], close: 4000 });
    expect(underTest.door.connections).toBe(0);
    // The answer may have been lost.
    expect((await ask({ line, ack: 1, wait: 0 })).body).toEqual({
      line,
      k: 2,
      ms: [{ t: 'bye' }],
      close: 4000,
    });
    expect((await ask({ line, ack: 2, wait: 0 })).status).toBe(404);
    expect((await ask({ line, ack: 1, wait: 0 })).status).toBe(404);
  });

  it('[HTTP5] comes behind a batch that was sent already, with what was owed last', async () => {
    const { opened, line } = await begin();
    opened.connection.writeLast?.(runOf('{"t":"ok","i":1}', '{"t":"bye"}'));
    opened.connection.close(4205, 'logged_out');
    expect((await ask({ line, ack: 0, wait: 0 })).body).toEqual({ line, k: 1, ms: [{ t: 'token' }] });
    expect((await ask({ line, ack: 1, wait: 0 })).body).toEqual({
      line,
      k: 2,
      ms: [{ t: 'ok', i: 1 }, { t: 'bye' }],
      close: 4205,
    });
  });

  it('[HTTP5] is told to a poll that comes later, as long as the gap', async () => {
    const { opened, line } = await begin();
    opened.connection.close(4001, 'heartbeat_missed');
    await underTest.clock.advance(29_000);
    expect((await ask({ line, ack: 1, wait: 0 })).body).toEqual({ line, k: 2, ms: [], close: 4001 });
    await underTest.clock.advance(30_000);
    expect((await ask({ line, ack: 1, wait: 0 })).status).toBe(404);
  });

  it('[HTTP3] nothing more is taken on it', async () => {
    const { opened, line } = await begin();
    opened.connection.close(4204, 'replaced');
    expect(await ask({ line, n: 2, ms: [{ t: 'hb' }] })).toMatchObject({
      status: 404,
      body: { code: 'line_unknown' },
    });
    expect(opened.told).toHaveLength(1);
  });

  it('[HTTP5] is told to the poll that waits also where the server is done with it at once', async () => {
    const { opened, line } = await begin();
    const poll = ask({ line, ack: 1, wait: 25_000 });
    await opened.waitFor('drained');
    opened.connection.write(runOf('{"t":"bye"}'));
    opened.connection.close(4001, 'heartbeat_missed');
    opened.connection.terminate();
    expect((await poll).body).toEqual({ line, k: 2, ms: [{ t: 'bye' }], close: 4001 });
    expect((await ask({ line, ack: 2, wait: 0 })).status).toBe(404);
  });

  it('[HTTP5] closed while it is opened, is answered with the code', async () => {
    await underTest.stop();
    underTest = await startLines({
      onOpen(connection) {
        connection.write(runOf('{"t":"bye"}'));
        connection.close(4000, 'draining');
      },
    });
    const { status, body } = await ask({ ms: [{ t: 'login' }] });
    expect(status).toBe(200);
    expect(body).toEqual({ line: expect.any(String), k: 1, ms: [{ t: 'bye' }], close: 4000 });
  });
});
