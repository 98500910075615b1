import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  type Client,
  nothingLeft,
  openSocketIoScene,
  type SocketIoScene,
  tokenOf,
} from './socketio-scene.ts';

let scene: SocketIoScene;

afterEach(async () => {
  // Whatever was sent, the server is there, and serves whoever comes.
  const witness = await scene.connect('witness');
  expect(await witness.ask('join-document', 'plan')).toMatchObject({ ok: true });
  await scene.close();
});

/** A client that writes whatever it likes, behind a login. */
async function raw(user = 'anna'): Promise<{ socket: WebSocket; texts: string[]; closed: Promise<number> }> {
  const token = await tokenOf(user);
  const socket = new WebSocket(`${scene.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  const texts: string[] = [];
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  await new Promise<void>((resolve) => {
    socket.on('message', (data: Buffer) => {
      const text = data.toString();
      texts.push(text);
      if (text.startsWith('0')) socket.send(`40${JSON.stringify({ token })}`);
      if (text.startsWith('40')) resolve();
    });
  });
  return { socket, texts, closed };
}

describe('what is no event of ours', () => {
  let anna: Client;

  beforeEach(async () => {
    scene = await openSocketIoScene({ sessions: { graceMs: 0 } });
    anna = await scene.connect('anna');
  });

  it.each([
    ['join-document', [null]],
    ['join-document', []],
    ['join-document', [17]],
    ['join-document', [['plan']]],
    ['join-document', [{ documentId: { $ne: null } }]],
    ['join-document', [{ documentId: 'plan', epoch: 5, offset: 'x' }]],
    ['leave-document', [{}]],
    ['edit-operation', ['plan']],
    ['edit-operation', [{ documentId: 'plan' }]],
    ['edit-operation', [null, { documentId: 'plan', operation: 1 }]],
  ])('%s with %j is answered, and the connection goes on', async (event, args) => {
    expect(await anna.ask(event, ...args)).toMatchObject({ ok: false, code: 'bad_message' });
    expect(await anna.next('error')).toMatchObject([expect.any(String), { code: 'bad_message' }]);
    expect(await anna.ask('join-document', 'plan')).toMatchObject({ ok: true });
  });

  it.each(['error', 'unheard-of', '__proto__', 'constructor', 'toString'])(
    'an event called %s is answered, and ends nobody',
    async (event) => {
      expect(await anna.ask(event, 'x')).toMatchObject({ ok: false, code: 'unknown_type' });
      expect(await anna.ask('join-document', 'plan')).toMatchObject({ ok: true });
    },
  );

  it('a position that is none is refused', async () => {
    for (const offset of [-1, 1.5, 2 ** 60])
      expect(await anna.ask('join-document', { documentId: 'plan', epoch: 'x', offset })).toMatchObject({
        ok: false,
      });
  });

  it('binary payloads are told that they are not taken, and end the connection', async () => {
    await anna.ask('join-document', 'plan');
    anna.socket.emit('edit-operation', { documentId: 'plan', operation: Buffer.from('x') });
    expect(await anna.next('error')).toEqual([
      'Binary payloads are not taken',
      { code: 'binary_unsupported' },
    ]);
    await anna.next('disconnect');
    await nothingLeft(scene);
  });

  it('a namespace that is not there is refused, and a second login on a connection', async () => {
    const { socket, texts } = await raw('ben');
    socket.send(`40/other,${JSON.stringify({ token: await tokenOf('ben') })}`);
    await expect.poll(() => texts.at(-1)).toBe('44/other,{"message":"Invalid namespace"}');
    socket.send(`40${JSON.stringify({ token: await tokenOf('carol') })}`);
    await new Promise((resolve) => socket.on('close', resolve));
    expect(await scene.server.sessionsOf('carol')).toMatchObject({ value: [] });
  });
});

describe('packets that are none of Socket.IO', () => {
  beforeEach(async () => {
    scene = await openSocketIoScene({ sessions: { graceMs: 0 } });
  });

  it.each([
    '',
    '9',
    '4',
    '49',
    '42',
    '42{"a":1}',
    '42[]',
    '42[1]',
    '42["connect"]',
    '42["edit-operation",',
    `42${'['.repeat(500)}`,
    '451-["edit-operation",{"_placeholder":true,"num":0}]',
    '45999999999-["edit-operation",{"_placeholder":true,"num":0}]',
    '2probe',
    '5',
    '1',
  ])('%.20s ends nothing but the connection that sent it, and leaves nothing', async (packet) => {
    const { socket, closed } = await raw();
    socket.send(packet);
    socket.send('41');
    await closed;
    await nothingLeft(scene);
  });

  it('a binary frame ends the connection', async () => {
    const { socket, closed } = await raw();
    socket.send(Buffer.from([1, 2, 3]));
    await closed;
    await nothingLeft(scene);
  });

  it('more than 128 pings between two messages end the connection', async () => {
    const { socket, closed } = await raw();
    for (let i = 0; i < 129; i++) socket.ping();
    await closed;
    await nothingLeft(scene);
  });

  it('a flood of packets that are no messages ends the connection', async () => {
    await scene.close();
    scene = await openSocketIoScene({
      sessions: { graceMs: 0 },
      limits: { messagesPerSecond: 1, messageBurst: 10 },
    });
    const { socket, closed } = await raw();
    for (let i = 0; i < 60; i++) socket.send('3');
    await closed;
    await nothingLeft(scene);
  });
});

describe('limits', () => {
  it('a message beyond `limits.messageBytes` ends the connection, over polls and WebSockets; one at the limit does not', async () => {
    scene = await openSocketIoScene({ limits: { messageBytes: 4_096 } });
    const edit = (units: number): [string, object] => [
      'edit-operation',
      { documentId: 'plan', operation: 'x'.repeat(units) },
    ];
    for (const transport of ['websocket', 'polling']) {
      const anna = await scene.connect('anna', { transports: [transport] });
      await anna.ask('join-document', 'plan');
      // 4096 bytes with the packet's own: `4`, `2`, the number of the acknowledgement, and the JSON around it.
      const around = Buffer.byteLength(`421${JSON.stringify(edit(0))}`);
      expect(await anna.ask(...edit(4_096 - around))).toMatchObject({ ok: true });
      anna.socket.emit(...edit(4_097 - around + 1));
      await anna.next('disconnect');
    }
  });

  it('who sends too fast is told so with a time, and those who go on are sent away', async () => {
    scene = await openSocketIoScene({ limits: { messagesPerSecond: 1, messageBurst: 20 } });
    const anna = await scene.connect('anna');
    await anna.ask('join-document', 'plan');
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => anna.ask('edit-operation', { documentId: 'plan', operation: i })),
    );
    const refused = answers.filter(({ ok }) => ok === false);
    expect(refused.length).toBeGreaterThan(5);
    for (const answer of refused)
      expect(answer).toMatchObject({ code: 'rate_limited', retryAfterMs: expect.any(Number) });
  });

  it('the largest payload of the channel is its contract’s', async () => {
    scene = await openSocketIoScene();
    const anna = await scene.connect('anna');
    await anna.ask('join-document', 'plan');
    expect(
      await anna.ask('edit-operation', { documentId: 'plan', operation: 'x'.repeat(20_000) }),
    ).toMatchObject({ ok: false, code: 'too_large', documentId: 'plan' });
  });

  it('an address may hold so many connections, and open them so fast', async () => {
    scene = await openSocketIoScene({ limits: { connectionsPerAddress: 2 } });
    const anna = await scene.connect('anna');
    const ben = await scene.connect('ben', { transports: ['polling'] });
    for (const transport of ['websocket', 'polling']) {
      const third = scene.client({ token: await tokenOf('carol') }, { transports: [transport] });
      await third.next('connect_error');
    }
    anna.socket.disconnect();
    ben.socket.disconnect();
    await expect.poll(() => scene.server.node.counts().attached).toBe(0);
  });

  it('one that does not read has little kept for it; what it missed is read from the log once it reads again', async () => {
    scene = await openSocketIoScene();
    const { slow, kernel, sent } = await stalled();
    kernel.resume();
    slow.socket.resume();
    const edits = (): readonly number[] =>
      slow.texts
        .filter((text) => text.startsWith('42["remote-edit"'))
        .map(
          (text) =>
            (JSON.parse(text.slice(2)) as [string, { operation: { sent: number } }])[1].operation.sent,
        );
    await expect.poll(() => edits().length, { timeout: 20_000 }).toBe(sent);
    expect(edits()).toEqual(Array.from({ length: sent }, (_, i) => i));
    slow.socket.terminate();
  });

  it('one that goes on not reading is sent away, and nothing of it is left', async () => {
    scene = await openSocketIoScene({
      sessions: { graceMs: 0 },
      gateways: { socketio: { channel: 'ops:{id}', pingIntervalMs: 2_000, pingTimeoutMs: 500 } },
    });
    const { slow } = await stalled();
    await nothingLeft(scene);
    slow.socket.terminate();
  });
});

/** A client that stopped reading, and more than kernels hold that was published since. */
async function stalled() {
  const slow = await raw('slow');
  slow.socket.send('42["join-document","plan"]');
  await expect.poll(() => slow.texts.some((text) => text.includes('document-joined'))).toBe(true);
  const kernel = (slow.socket as unknown as { _socket: Socket })._socket;
  slow.socket.pause();
  kernel.pause();
  const filler = 'x'.repeat(8_000);
  let sent = 0;
  let held = 0;
  while (sent < 2_000) {
    await scene.server.publish('ops:{id}', { id: 'plan' }, { sent: sent++, filler });
    // A turn each, in which it is flushed.
    await new Promise((resolve) => setImmediate(resolve));
    held = Math.max(held, scene.server.node.counts().heldUnits);
  }
  // 256 Ki units are what a stream may have held, unless its contract says otherwise.
  expect(held).toBeGreaterThan(0);
  expect(held).toBeLessThan(300_000);
  return { slow, kernel, sent };
}
