import fc from 'fast-check';
import { expect } from 'vitest';
import type { Bystanders } from '../scene/bystanders.ts';
import { connectRaw } from '../scene/raw-web-socket.ts';
import { liveHeapBytes } from '../scene/live-heap.ts';
import type { Scene } from '../scene/scene.ts';
import { scrape } from '../scene/server-metrics.ts';
import { within } from '../scene/within.ts';
import { type CampaignOptions, MEMORY_BOUND_BYTES } from './campaign.ts';
import { type RawInput, rawInput } from './raw-inputs.ts';

/** Connections at the same time. */
const AT_ONCE = 20;

/** What may be open beside what was open before: the scrape itself, and files the database opens. */
const DESCRIPTORS_BESIDE = 8;

/**
 * Sends bytes that are no protocol, each lot on a TCP connection of its own. Every connection must be ended by the
 * server once its peer has ended its half; nothing may be left over.
 *
 * @returns how many connections were made
 */
export async function runRawCampaign(
  scene: Scene,
  bystanders: Bystanders,
  { inputs, seed }: CampaignOptions,
): Promise<number> {
  const before = await scrape(scene.server);
  const heldBefore = await liveHeapBytes(scene.server);
  let made = 0;

  await fc.assert(
    fc.asyncProperty(
      fc.array(rawInput(scene.server.port), { minLength: AT_ONCE, maxLength: AT_ONCE }),
      async (lots) => {
        await Promise.all(lots.map((lot) => sendLot(scene, lot)));
        made += lots.length;
        await bystanders.untouched();
      },
    ),
    { numRuns: Math.ceil(inputs / AT_ONCE), endOnFailure: true, ...(seed === undefined ? {} : { seed }) },
  );

  const after = await scrape(scene.server);
  expect(after.value('carillon_connections')).toBe(before.value('carillon_connections'));
  expect(after.value('process_open_fds') - before.value('process_open_fds')).toBeLessThanOrEqual(
    DESCRIPTORS_BESIDE,
  );
  // Whatever became a connection was counted when it opened and when it closed.
  const opened =
    after.value('carillon_connections_opened_total') - before.value('carillon_connections_opened_total');
  expect(opened).toBeGreaterThan(made / 4);
  const closed = (metrics: typeof after): number =>
    [...metrics.by('carillon_connections_closed_total', 'reason').values()].reduce(
      (sum, count) => sum + count,
      0,
    );
  expect(closed(after) - closed(before)).toBe(opened);
  expect((await liveHeapBytes(scene.server)) - heldBefore).toBeLessThan(MEMORY_BOUND_BYTES);
  return made;
}

async function sendLot(scene: Scene, { title, bytes }: RawInput): Promise<void> {
  const socket = await connectRaw(scene.server.port);
  const ended = new Promise<void>((resolve) => {
    for (const event of ['error', 'end', 'close']) socket.once(event, () => resolve());
  });
  socket.resume();
  socket.end(bytes);
  await within(ended, `the server ends a connection that sent ${title}`, () =>
    Buffer.from(bytes).toString('hex').slice(0, 4_000),
  );
  socket.destroy();
}
