import { afterEach, expect, it } from 'vitest';
import { openScene, type Scene } from '../wire/scene/scene.ts';
import { activeResources, churn, expectNothingLeft } from './churn.ts';

let scene: Scene;
afterEach(() => scene.close());

const SESSIONS_A_ROUND = 3_000;
/** What a second, equal round may add to what the server holds: 250 bytes a session, beside code that V8 compiles. */
const GROWTH_BYTES = 768 * 1024;

it('after thousands of sessions came and went nothing is left: no session, edge, timer or row', async () => {
  scene = await openScene({ CARILLON_SESSIONS_GRACE_MS: '1000' }, { inspect: true });
  const atRest = await activeResources(scene);
  const first = await churn(scene, { sessions: SESSIONS_A_ROUND, seed: 1 });
  await expectNothingLeft(scene);
  const second = await churn(scene, { sessions: SESSIONS_A_ROUND, seed: 2 });
  await expectNothingLeft(scene);
  expect(
    first.droppedInFlight + second.droppedInFlight,
    'connections that dropped with a change in flight',
  ).toBeGreaterThan(100);
  expect(first.resumed + second.resumed).toBeGreaterThan(100);
  const after = await activeResources(scene);
  for (const [kind, count] of Object.entries(after))
    expect(count, kind).toBeLessThanOrEqual((atRest[kind] ?? 0) + 2);
  expect(second.heldBytes - first.heldBytes).toBeLessThan(GROWTH_BYTES);
});
