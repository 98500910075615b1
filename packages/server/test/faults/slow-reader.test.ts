import { afterEach, expect, it } from 'vitest';
import type { BareClient, Wire } from '../wire/scene/bare-client.ts';
import { createFriendView } from '../wire/scene/friend-view.ts';
import { loginToken } from '../wire/scene/login-token.ts';
import { openRawWebSocket } from '../wire/scene/raw-web-socket.ts';
import { openScene, type Scene } from '../wire/scene/scene.ts';
import { liveHeapBytes } from '../wire/scene/live-heap.ts';
import { scrape } from '../wire/scene/server-metrics.ts';

let scene: Scene;
afterEach(() => scene.close());

const FRIENDS = 60;
/** Rounds in which every friend changes everything: some 25 MB for a viewer who would read it all. */
const ROUNDS = 140;
/** Rounds that are on their way to the reader when it stops. */
const ROUNDS_IN_FLIGHT = 10;
/** Long fields, so that the kernel's buffers fill up soon. */
const PADDING = 'x'.repeat(1_000);

/** What the kernel may hold between two sockets of one machine (net.ipv4.tcp_wmem and tcp_rmem), with room. */
const KERNEL_BYTES = 12_000_000;
/** What the server may hold for it: what a write that the kernel has not taken yet shares, and one state of each friend. */
const HELD_BYTES = 8 * 1024 * 1024;

it.each([
  ['folded into one frame for each', {}],
  ['folded into one full sync', { CARILLON_LIMITS_HELD_FRIENDS: '20' }],
])(
  '[PRE9] a client that stops reading gets the last state of its friends, %s, and costs nobody anything',
  async (way, settings) => {
    const maxLength = 1_024;
    scene = await openScene(
      {
        ...settings,
        CARILLON_PRESENCE_CONFLATE_MS: '0',
        CARILLON_LIMITS_MESSAGES_PER_SECOND: '100000',
        CARILLON_LIMITS_MESSAGE_BURST: '1000000',
      },
      {
        config: { presence: { fields: { a: { maxLength }, p: { maxLength }, l: { maxLength } } } },
        inspect: true,
      },
    );
    const friends = Array.from({ length: FRIENDS }, (_, i) => `friend${i}`);
    await scene.follow(
      ...friends.flatMap((friend) => [['slow', friend] as const, ['quick', friend] as const]),
    );
    const clients: BareClient[] = [];
    for (const friend of friends) clients.push(await scene.logIn(friend));
    const quick = await scene.logIn('quick');
    const slow = await openRawWebSocket(scene.server.port);
    slow.send(JSON.stringify({ t: 'login', username: 'slow', token: await loginToken('slow') }));
    await slow.waitFor('the sync of the slow one', (text) => text.startsWith('{"t":"sync"'));
    const heldBefore = await liveHeapBytes(scene.server);

    function sendRound(round: number): void {
      for (const client of clients)
        client.send({
          t: 'statusUpdate',
          s: round % 2 === 0 ? 'Online' : 'Busy',
          a: `${round} ${PADDING}`,
          p: `${round} ${PADDING}`,
          l: `${round} ${PADDING}`,
        });
    }

    for (let round = 1; round <= ROUNDS_IN_FLIGHT; round++) sendRound(round);
    await slow.waitFor('the first change', (text) => text.startsWith('{"t":"u"'));
    slow.socket.pause();
    const told = slow.texts.filter((text) => text.startsWith('{"t":"u"')).length;
    expect(
      FRIENDS * ROUNDS_IN_FLIGHT - told,
      'changes on their way to the reader when it stopped',
    ).toBeGreaterThan(0);
    for (let round = ROUNDS_IN_FLIGHT + 1; round <= ROUNDS; round++) {
      sendRound(round);
      if (round % 10 === 0) await clients[0]!.settle();
    }
    for (const client of clients) await client.settle();
    // The one that reads got it all meanwhile; it holds up nobody, nor is it held up.
    await quick.settle();
    expect(quick.received.filter(({ t }) => t === 'u').length).toBe(FRIENDS * ROUNDS);
    const metrics = await scrape(scene.server);
    expect(metrics.value('carillon_slow_consumers_total')).toBeGreaterThanOrEqual(1);
    expect(metrics.value('carillon_presence_resyncs_total')).toBe(way.includes('sync') ? 1 : 0);
    expect(metrics.by('carillon_connections_closed_total', 'reason').get('slow_consumer')).toBeUndefined();
    expect((await liveHeapBytes(scene.server)) - heldBefore).toBeLessThan(HELD_BYTES);

    slow.send('{"t":"hb","q":77}');
    slow.socket.resume();
    await slow.waitFor('the answer to the slow one', (text) => text === '{"t":"hb","q":77}');
    // What was held back is told behind the first answer, and ahead of the second.
    slow.send('{"t":"hb","q":78}');
    await slow.waitFor('the next answer', (text) => text === '{"t":"hb","q":78}');
    expect(slow.bytes, 'what it was sent after all').toBeLessThan(KERNEL_BYTES);
    const view = createFriendView();
    const read = slow.texts.map((text) => JSON.parse(text) as Wire);
    for (const message of read) view.read(message);
    const wrong = [...view.friends].filter(([, { s, a, p, l }]) => {
      const last = `${ROUNDS} ${PADDING}`;
      return s !== 'Online' || a !== last || p !== last || l !== last;
    });
    expect(wrong.map(([friend, { s, a }]) => `${friend} ${s} ${a?.slice(0, 5)}`)).toEqual([]);
    expect([...view.friends.keys()].toSorted()).toEqual(friends.toSorted());
    expect(read.filter(({ t }) => t === 'sync').length).toBe(way.includes('sync') ? 2 : 1);
    slow.socket.destroy();
  },
);
