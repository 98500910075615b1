import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { liveHeapBytes } from '../wire/scene/live-heap.ts';
import { openScene, type Scene } from '../wire/scene/scene.ts';
import { scrape } from '../wire/scene/server-metrics.ts';
import { within } from '../wire/scene/within.ts';
import { ROOMS_CONFIG } from './cluster/commute.ts';

let scene: Scene;
afterEach(() => scene.close());

/** What the channel keeps: little, so that it is not what is measured. */
const CONFIG = ROOMS_CONFIG.replace('count: 100_000, units: 100_000_000', 'count: 2');
const PADDING = 'x'.repeat(16_000);
/** Some 32 MB, of which the kernel takes a few. */
const PUBLICATIONS = 2_000;
/** What the server may hold for one stream that nobody reads: a write that the kernel has not taken, and an outbox. */
const HELD_BYTES = 8 * 1024 * 1024;

it('[TKT3] a stream by ticket that nobody reads holds up nobody, and the server holds little for it', async () => {
  scene = await openScene(
    { CARILLON_LIMITS_MESSAGES_PER_SECOND: '100000', CARILLON_LIMITS_MESSAGE_BURST: '1000000' },
    { configModule: CONFIG, inspect: true },
  );
  const channel = 'room:unread';
  const writer = await scene.logIn('writer');
  const reader = await scene.logIn('reader');
  reader.send({ t: 'sub', c: channel, i: 1 });
  await reader.waitFor('the subscription', ({ t, i }) => t === 'ok' && i === 1);
  const { body } = await scene.server.api('POST', '/v1/tickets', { user: 'bob', channel });
  const { ticket } = body as { readonly ticket: string };
  const unread = connect(scene.server.port, '127.0.0.1');
  unread.on('error', () => undefined);
  const began = Promise.withResolvers<void>();
  unread.once('data', () => {
    unread.pause();
    began.resolve();
  });
  unread.write(`GET /sse?ticket=${encodeURIComponent(ticket)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await within(began.promise, 'the stream begins');
  const heldBefore = await liveHeapBytes(scene.server);
  for (let at = 1; at <= PUBLICATIONS; at++) {
    writer.send({ t: 'pub', c: channel, d: `${at} ${PADDING}`, i: at });
    if (at % 50 === 0) await writer.waitFor('the answer', ({ t, i }) => t === 'ok' && i === at);
  }
  await reader.waitFor('the last', ({ t, d }) => t === 'p' && (d as string).startsWith(`${PUBLICATIONS} `));
  expect((await scrape(scene.server)).value('carillon_slow_consumers_total')).toBeGreaterThanOrEqual(1);
  expect((await liveHeapBytes(scene.server)) - heldBefore).toBeLessThan(HELD_BYTES);
  unread.destroy();
  await expect
    .poll(async () =>
      (await scrape(scene.server)).value('carillon_transport_connections', '{transport="sse"}'),
    )
    .toBe(0);
});
