import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCampaign } from '../wire/fuzz/campaign.ts';
import { runRawCampaign } from '../wire/fuzz/raw-campaign.ts';
import { fuzzSeed } from '../wire/fuzz/seed.ts';
import { type Bystanders, openBystanders } from '../wire/scene/bystanders.ts';
import { liveHeapBytes } from '../wire/scene/live-heap.ts';
import { openScene, type Scene } from '../wire/scene/scene.ts';

let scene: Scene;
let bystanders: Bystanders;
beforeAll(async () => {
  scene = await openScene(
    {
      CARILLON_PRESENCE_CONFLATE_MS: '2',
      CARILLON_LIMITS_MESSAGES_PER_SECOND: '100000',
      CARILLON_LIMITS_MESSAGE_BURST: '1000000',
      CARILLON_LIMITS_CONNECTIONS_PER_ADDRESS: '1000000',
      CARILLON_LIMITS_NEW_SESSION_BURST: '1000000',
    },
    { inspect: true },
  );
  bystanders = await openBystanders(scene);
});
afterAll(() => scene.close());

const CAMPAIGNS = 20;
const INPUTS = 100_000;
const RAW_INPUTS = 10_000;
/** From the second campaign on: code that V8 compiled meanwhile. */
const GROWTH_BYTES = 4 * 1024 * 1024;

it('2,000,000 random inputs and 200,000 connections without a protocol', { timeout: 3_600_000 }, async () => {
  let settledBytes = 0;
  for (let campaign = 0; campaign < CAMPAIGNS; campaign++) {
    const seed = fuzzSeed();
    await runCampaign(scene, bystanders, { inputs: INPUTS, seed });
    await runRawCampaign(scene, bystanders, { inputs: RAW_INPUTS, seed });
    if (campaign === 1) settledBytes = await liveHeapBytes(scene.server);
  }
  expect((await liveHeapBytes(scene.server)) - settledBytes).toBeLessThan(GROWTH_BYTES);
});
