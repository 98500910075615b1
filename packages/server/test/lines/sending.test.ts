import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectRaw, type Opened, type RawPeer, runOf } from '../websocket/gateway-under-test.ts';
import { type LinesUnderTest, post, startLines, streamRequest } from './lines-under-test.ts';

let underTest: LinesUnderTest;
beforeEach(async () => {
  underTest = await startLines({ messageBytes: 1_024, lineBytes: 4_096 });
});
afterEach(() => underTest.stop());

type Sender = {
  readonly opened: Opened;
  readonly line: string;
  send(n: number, ...ms: readonly unknown[]): ReturnType<typeof post>;
  /** What was handed on, by their `q`. */
  taken(): readonly unknown[];
};

const PATHS = ['/sse', '/poll'] as const;

/** A line whose first message was taken already. */
async function begin(path: string): Promise<Sender> {
  const opening = underTest.nextOpened();
  let line = '';
  let opened: Opened;
  if (path === '/poll') {
    const answer = post(underTest.port, path, { ms: [{ q: 1 }] });
    opened = await opening;
    opened.connection.write(runOf('{}'));
    line = (await answer).body['line'] as string;
  } else {
    const peer: RawPeer = await connectRaw(underTest.port, streamRequest({ ms: [{ q: 1 }] }));
    opened = await opening;
    line = /"line":"([^"]+)"/.exec((await peer.until(70)).toString())?.[1] ?? '';
  }
  return {
    opened,
    line,
    send: (n, ...ms) => post(underTest.port, path, { line, n, ms }),
    taken: () =>
      opened.told.flatMap((told) =>
        told.kind === 'message' ? [(JSON.parse(told.text) as { readonly q: unknown }).q] : [],
      ),
  };
}

describe.each(PATHS)('what is sent on a line of %s', (path) => {
  it('[HTTP3] is numbered on from what opened it, and answered with the number that is expected next', async () => {
    const { send, taken } = await begin(path);
    expect(await send(2, { q: 2 }, { q: 3 })).toMatchObject({ status: 200, body: { n: 4 } });
    expect(await send(4, { q: 4 })).toMatchObject({ body: { n: 5 } });
    expect(taken()).toEqual([1, 2, 3, 4]);
  });

  it('[HTTP3] is taken once, however often it is repeated, and whatever part of it was new', async () => {
    const { send, taken } = await begin(path);
    await send(2, { q: 2 });
    expect((await send(2, { q: 2 })).body).toEqual({ n: 3 });
    expect((await send(1, { q: 1 }, { q: 2 }, { q: 3 })).body).toEqual({ n: 4 });
    expect((await send(1)).body).toEqual({ n: 4 });
    expect(taken()).toEqual([1, 2, 3]);
  });

  it('[HTTP3] waits for what it overtook, and is then taken in order', async () => {
    const { send, taken } = await begin(path);
    const late = [send(4, { q: 4 }), send(3, { q: 3 }), send(4, { q: 4 }, { q: 5 })];
    // Each has reached the server: it holds a timer for each of them.
    while (waits() < 3) await post(underTest.port, path, {});
    expect(taken()).toEqual([1]);
    expect((await send(2, { q: 2 })).body).toEqual({ n: 6 });
    for (const answer of late) expect((await answer).status).toBe(200);
    expect(taken()).toEqual([1, 2, 3, 4, 5]);
    expect(waits()).toBe(0);
  });

  it('[HTTP3] is refused, and nothing of it taken, where that does not come within 5 s', async () => {
    const { send, taken } = await begin(path);
    const early = send(3, { q: 3 });
    while (waits() < 1) await post(underTest.port, path, {});
    await underTest.clock.advance(4_999);
    expect(waits()).toBe(1);
    await underTest.clock.advance(1);
    expect(await early).toMatchObject({
      status: 409,
      body: { code: 'out_of_order', retryAfterMs: expect.any(Number) },
    });
    expect((await send(2, { q: 2 })).body).toEqual({ n: 3 });
    expect(taken()).toEqual([1, 2]);
  });

  it('[HTTP3] is refused at once beyond 8 that wait', async () => {
    const { send } = await begin(path);
    const early = Array.from({ length: 8 }, (_, at) => send(3 + at, { q: 3 + at }));
    while (waits() < 8) await post(underTest.port, path, {});
    expect(await send(11, { q: 11 })).toMatchObject({ status: 409, body: { code: 'out_of_order' } });
    expect((await send(2, { q: 2 })).body).toEqual({ n: 11 });
    for (const answer of early) expect((await answer).status).toBe(200);
  });

  it('[HTTP3] is refused at once where those that wait would hold more than limits.lineBytes', async () => {
    const { send } = await begin(path);
    const half = { q: 'x'.repeat(900) };
    const early = send(3, half, half);
    while (waits() < 1) await post(underTest.port, path, {});
    expect(await send(4, half, half, half)).toMatchObject({ status: 409, body: { code: 'out_of_order' } });
    await send(2, { q: 2 });
    expect((await early).body).toEqual({ n: 5 });
  });

  it('[HTTP2] waits for nothing on a line that ends', async () => {
    const { send, opened } = await begin(path);
    const early = send(3, { q: 3 });
    while (waits() < 1) await post(underTest.port, path, {});
    opened.connection.terminate();
    expect(await early).toMatchObject({ status: 404, body: { code: 'line_unknown' } });
    expect(underTest.clock.timers).toBe(0);
  });

  it('[MSG4] ends the line with 1009 where a message is larger than limits.messageBytes', async () => {
    const { send, opened, taken } = await begin(path);
    const fits = 'x'.repeat(1_024 - '{"q":""}'.length);
    expect((await send(2, { q: fits })).body).toEqual({ n: 3 });
    await send(3, { q: `${fits}x` }, { q: 4 });
    expect(await opened.waitFor('closed')).toEqual({ kind: 'closed', code: 1009 });
    expect(taken()).toEqual([1, fits]);
    expect((await send(4, { q: 4 })).status).toBe(404);
  });

  it('[HTTP2] is refused where it names no line of this one, or part of its name', async () => {
    const { line, taken, send } = await begin(path);
    for (const other of [
      '',
      '.',
      'node-a',
      'node-a.',
      line.slice(0, -1),
      `${line}x`,
      line.slice(7),
      `node-b${line.slice(6)}`,
    ]) {
      const answer = await post(underTest.port, path, { line: other, n: 2, ms: [{ q: 2 }] });
      expect(answer).toMatchObject({ status: 404, body: { code: 'line_unknown' } });
    }
    expect(taken()).toEqual([1]);
    expect((await send(2, { q: 2 })).status).toBe(200);
  });
});

/** Requests that wait for another: what has a timer beside the stream's or the poll's own. */
function waits(): number {
  return underTest.clock.timers - 1;
}
