import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectRaw, type Opened, type RawPeer, runOf } from '../websocket/gateway-under-test.ts';
import { type LinesUnderTest, post, startLines, streamRequest } from './lines-under-test.ts';

let underTest: LinesUnderTest;
beforeEach(async () => {
  underTest = await startLines();
});
afterEach(() => underTest.stop());

/** More than the kernel keeps for a peer that does not read: by default at most 4 MB to send and 6 MB received. */
const MORE_THAN_THE_KERNEL_TAKES = 24 * 1024 * 1024;

/** `event: line`, `data: {"line":"…"}` and an empty line. */
const FIRST_EVENT = /^event: line\ndata: \{"line":"(node-a\.[\w-]{22,})"\}\n\n$/;

type Streaming = {
  readonly peer: RawPeer;
  readonly opened: Opened;
  readonly line: string;
  readonly from: number;
};

async function stream(ms: readonly unknown[] = []): Promise<Streaming> {
  const opening = underTest.nextOpened();
  const peer = await connectRaw(underTest.port, streamRequest({ ms }));
  const opened = await opening;
  const first = (await peer.until('event: line\ndata: {"line":"node-a."}\n\n'.length + 32)).toString();
  return { peer, opened, line: FIRST_EVENT.exec(first)?.[1] ?? '', from: first.length };
}

/** What came behind the first event, as soon as it is so long. */
async function textOf({ peer, from }: Streaming, length: number): Promise<string> {
  return (await peer.until(from + length)).subarray(from).toString();
}

describe('a stream', () => {
  it('[HTTP4] begins with its line, behind a head that no proxy may hold back, and has neither length nor chunks', async () => {
    const { peer, line } = await stream();
    expect(peer.head.split('\r\n')[0]).toBe('HTTP/1.1 200 OK');
    const head = peer.head.toLowerCase();
    expect(head).toContain('content-type: text/event-stream\r\n');
    expect(head).toContain('cache-control: no-cache, no-transform\r\n');
    expect(head).toContain('x-accel-buffering: no\r\n');
    expect(head).toContain('connection: close\r\n');
    expect(head).not.toContain('transfer-encoding');
    expect(head).not.toContain('content-length');
    expect(head).not.toContain('content-encoding');
    expect(line).not.toBe('');
  });

  it('[HTTP1] [HTTP2] hands on what opened it, each message as its own, in order', async () => {
    const { opened } = await stream([{ t: 'login', username: 'ann' }, { t: 'hb', q: 1 }, 7]);
    expect(opened.told).toEqual([
      { kind: 'message', text: '{"t":"login","username":"ann"}' },
      { kind: 'message', text: '{"t":"hb","q":1}' },
      { kind: 'message', text: '7' },
    ]);
    expect(opened.connection.transport).toBe('sse');
  });

  it('[HTTP4] carries each message as one event without a name', async () => {
    const streaming = await stream();
    const sent = 'data: {"t":"hb"}\n\ndata: {"d":"ü🥣"}\n\n';
    const bytes = streaming.opened.connection.write(runOf('{"t":"hb"}', '{"d":"ü🥣"}'));
    expect(bytes).toBe(Buffer.byteLength(sent));
    expect(await textOf(streaming, bytes)).toBe(sent);
  });

  it('[HTTP4] says a payload with line breaks between its tokens in one line', async () => {
    const streaming = await stream();
    streaming.opened.connection.write(runOf('{"d":\r\n[1,\n2]}'));
    expect(await textOf(streaming, 22)).toBe('data: {"d":  [1, 2]}\n\n');
  });

  it('frames a message once, and a run once, however many streams are owed it', async () => {
    const one = await stream();
    const two = await stream();
    const run = runOf('{"t":"a"}', '{"t":"b"}');
    one.opened.connection.write(run);
    const [first] = run.frames();
    const { events } = run.others!;
    const event = first!.others!.events;
    two.opened.connection.write(run);
    expect(run.others!.events).toBe(events);
    expect(first!.others!.events).toBe(event);
    expect(await textOf(two, 34)).toBe(await textOf(one, 34));
    expect(run.wire).toBeUndefined();
  });

  it('[HTTP4] says a comment where nothing was said for the time, and none to a stream that had traffic', async () => {
    const silent = await stream();
    const busy = await stream();
    for (let at = 0; at < 4; at++) {
      busy.opened.connection.write(runOf(`${at}`));
      await underTest.clock.advance(4_000);
    }
    // At the latest 8 s behind the first event, and again 4 to 8 s behind each comment.
    expect((await textOf(silent, 3)).startsWith(':\n\n')).toBe(true);
    expect(await textOf(busy, 36)).toBe('data: 0\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\n');
    await underTest.clock.advance(8_000);
    expect((await textOf(busy, 39)).slice(36)).toBe(':\n\n');
  });

  it('[HTTP4] [ERR3] says the code before the server closes it, and ends', async () => {
    const streaming = await stream();
    streaming.opened.connection.write(runOf('{"t":"bye"}'));
    streaming.opened.connection.close(4000, 'draining');
    expect((await streaming.peer.ended).subarray(streaming.from).toString()).toBe(
      'data: {"t":"bye"}\n\nevent: close\ndata: {"close":4000}\n\n',
    );
    expect(streaming.opened.connection.write(runOf('late'))).toBe(0);
    expect(await post(underTest.port, '/sse', { line: streaming.line, n: 1, ms: [] })).toMatchObject({
      status: 404,
      body: { code: 'line_unknown' },
    });
  });

  it.each(['closes its half', 'is reset'])('[HTTP4] ends the line when its client %s', async (how) => {
    const { opened, peer, line } = await stream();
    expect(underTest.door.connections).toBe(1);
    if (how === 'is reset') peer.socket.resetAndDestroy();
    else peer.socket.end();
    expect(await opened.waitFor('closed')).toEqual({ kind: 'closed', code: 1006 });
    expect(underTest.door.connections).toBe(0);
    const { status } = await post(underTest.port, '/sse', { line, n: 1, ms: [] });
    expect(status).toBe(404);
    peer.socket.destroy();
  });

  it('[HTTP4] is ended where its client sends another request inside it', async () => {
    const { opened, peer } = await stream();
    peer.socket.write('GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await opened.waitFor('closed');
    await peer.ended;
  });

  it('never stands behind an answer that is still owed', async () => {
    const open = streamRequest({ ms: [] });
    const poll = open.replace('/sse', '/poll');
    const opening = underTest.nextOpened();
    const peer = connectRaw(underTest.port, poll + open);
    const { connection } = await opening;
    expect(connection.transport).toBe('poll');
    expect((await (await peer).ended).toString()).toBe('');
    expect(underTest.door.connections).toBe(1);
  });
});

describe('a stream that is opened and never read', () => {
  it('keeps `writing` true, gets no comments, and is told drained once its client reads', async () => {
    const streaming = await stream();
    const { opened, peer } = streaming;
    const { connection } = opened;
    peer.socket.pause();
    const bytes = connection.write(runOf('x'.repeat(MORE_THAN_THE_KERNEL_TAKES)));
    expect(connection.writing).toBe(true);
    await underTest.clock.advance(60_000);
    // Others are served meanwhile.
    const other = await stream();
    other.opened.connection.write(runOf('1'));
    expect(await textOf(other, 9)).toBe('data: 1\n\n');
    expect(opened.told).toEqual([]);
    peer.socket.resume();
    await opened.waitFor('drained');
    expect(connection.writing).toBe(false);
    const text = await textOf(streaming, bytes);
    expect(text.length).toBe(bytes);
    expect(opened.told).toEqual([{ kind: 'drained' }]);
  });

  it('is cut off when the server is done with it', async () => {
    const { opened, peer } = await stream();
    peer.socket.pause();
    opened.connection.write(runOf('x'.repeat(MORE_THAN_THE_KERNEL_TAKES)));
    opened.connection.close(4002, 'slow_consumer');
    expect(await opened.waitFor('closed')).toMatchObject({ kind: 'closed' });
    peer.socket.destroy();
  });
});
