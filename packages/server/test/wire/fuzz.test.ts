import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCampaign } from './fuzz/campaign.ts';
import { input } from './fuzz/inputs.ts';
import { runRawCampaign } from './fuzz/raw-campaign.ts';
import { fuzzSeed } from './fuzz/seed.ts';
import { type Bystanders, openBystanders } from './scene/bystanders.ts';
import { openScene, type Scene } from './scene/scene.ts';
import { scrape } from './scene/server-metrics.ts';

/** The inputs are to reach the decoder and what is behind it, so no limit stands before it. */
const WIDE_OPEN = {
  CARILLON_PRESENCE_CONFLATE_MS: '2',
  CARILLON_LIMITS_MESSAGES_PER_SECOND: '100000',
  CARILLON_LIMITS_MESSAGE_BURST: '1000000',
  CARILLON_LIMITS_CONNECTIONS_PER_ADDRESS: '1000000',
  CARILLON_LIMITS_NEW_SESSION_BURST: '1000000',
};
const INPUTS = 100_000;
const RAW_INPUTS = 10_000;
const LIMITED_BATCHES = 40;

let open: Scene;
let watchedOpen: Bystanders;
let limited: Scene;
let watchedLimited: Bystanders;
beforeAll(async () => {
  open = await openScene(WIDE_OPEN, { inspect: true });
  watchedOpen = await openBystanders(open);
  limited = await openScene();
  watchedLimited = await openBystanders(limited);
});
afterAll(async () => {
  await open.close();
  await limited.close();
});

it(
  '[MSG1] [MSG2] each of 100,000 random inputs gets the answer that the protocol gives, and nobody else notices',
  { timeout: 300_000 },
  async () => {
    expect(await runCampaign(open, watchedOpen, { inputs: INPUTS, seed: fuzzSeed() })).toBeGreaterThanOrEqual(
      INPUTS,
    );
  },
);

it('connections that speak no protocol are ended, and leave nothing behind', async () => {
  expect(
    await runRawCampaign(open, watchedOpen, { inputs: RAW_INPUTS, seed: fuzzSeed() }),
  ).toBeGreaterThanOrEqual(RAW_INPUTS);
});

it('[LIM1] [LIM2] with the default limits the same inputs are held off, and nobody else notices', async () => {
  const errors = new Map<string, number>();
  const closes = new Map<number, number>();
  const errorsBefore = (await scrape(limited.server)).by('carillon_errors_total', 'code');
  const seed = fuzzSeed();
  await fc.assert(
    fc.asyncProperty(fc.array(input, { minLength: 250, maxLength: 250 }), async (inputs) => {
      const client = await limited.connect();
      for (const each of inputs) {
        // What waits behind a login's check is answered later than what is refused at once.
        if (each.kind === 'text' && each.text.includes('login')) continue;
        if (each.kind === 'text') client.socket.send(each.text);
        else if (each.kind === 'binary') client.socket.send(each.bytes, { binary: true });
      }
      // Refused in one way or the other, and answered last; or the connection is over before.
      client.send('{"t":"logout","i":999999}');
      await Promise.race([
        client.waitFor('the last answer', ({ i }) => i === 999_999).catch(() => null),
        client.closed,
      ]);
      client.socket.close(1000);
      const { code } = await client.closed;
      closes.set(code, (closes.get(code) ?? 0) + 1);
      for (const { t, code: error } of client.received)
        if (t === 'err') errors.set(error as string, (errors.get(error as string) ?? 0) + 1);
      await watchedLimited.untouched();
    }),
    { numRuns: LIMITED_BATCHES, endOnFailure: true, ...(seed === undefined ? {} : { seed }) },
  );
  // Most of it was refused for coming too fast, and what was told to the clients is what was counted.
  expect(errors.get('rate_limited')).toBeGreaterThan(LIMITED_BATCHES);
  const counted = (await scrape(limited.server)).by('carillon_errors_total', 'code');
  for (const [code, count] of counted)
    expect(errors.get(code) ?? 0, code).toBe(count - (errorsBefore.get(code) ?? 0));
  // Ended by the server for what came, or by the client when all was sent.
  for (const code of closes.keys()) expect([1000, 4102, 4200, 4202, 4203, 4207]).toContain(code);
});
