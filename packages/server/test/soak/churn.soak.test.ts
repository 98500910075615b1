import { afterEach, expect, it } from 'vitest';
import { activeResources, churn, expectNothingLeft } from '../faults/churn.ts';
import { openScene, type Scene } from '../wire/scene/scene.ts';

let scene: Scene;
afterEach(() => scene.close());

const ROUNDS = 10;
const SESSIONS_A_ROUND = 5_000;
/** What eight rounds, 40,000 sessions, may add to what the server holds. */
const GROWTH_BYTES = 2 * 1024 * 1024;

it('after 50,000 sessions came and went nothing is left', { timeout: 3_600_000 }, async () => {
  scene = await openScene(
    { CARILLON_SESSIONS_GRACE_MS: '1000', CARILLON_LIMITS_NEW_SESSION_BURST: '10000' },
    { inspect: true },
  );
  const atRest = await activeResources(scene);
  const heldBytes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    heldBytes.push((await churn(scene, { sessions: SESSIONS_A_ROUND, seed: round })).heldBytes);
    await expectNothingLeft(scene);
  }
  expect(heldBytes.at(-1)! - heldBytes[1]!).toBeLessThan(GROWTH_BYTES);
  for (const [kind, count] of Object.entries(await activeResources(scene)))
    expect(count, kind).toBeLessThanOrEqual((atRest[kind] ?? 0) + 2);
});
