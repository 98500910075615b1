import { afterEach, expect, it } from 'vitest';
import { openScene, type Scene } from '../wire/scene/scene.ts';
import { gatherCrowd } from './crowd.ts';

let scene: Scene;
afterEach(() => scene.close());

const WINDOW_MS = 2_000;

it('[RES7] [ERR2] SIGTERM sends everyone away, spread over the window, exits with 0, and nobody sees the restart', async () => {
  scene = await openScene({ CARILLON_DRAIN_WINDOW_MS: `${WINDOW_MS}` });
  const crowd = await gatherCrowd(scene, { size: 120, followsEach: 8 });
  const waiting = await scene.connect();
  crowd.keepChanging();
  await crowd.acknowledged(800);
  const exit = scene.stop('SIGTERM');
  await crowd.gone();
  expect(crowd.inFlight(), 'changes in flight when the process was told to end').toBeGreaterThan(0);
  expect(await exit).toEqual({ code: 0, signal: null });

  const clients = [...crowd.members.map(({ client }) => client), waiting];
  for (const client of clients) {
    expect(client.closedWith?.code).toBe(4000);
    expect(client.received.at(-1)).toEqual({
      t: 'bye',
      code: 'draining',
      advice: 'resume',
      afterMs: expect.any(Number),
      m: expect.any(String),
    });
  }
  const pauses = clients.map(({ received }) => received.at(-1)!['afterMs'] as number);
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(WINDOW_MS);
  // 121 evenly random numbers: each of these fails by chance less than once in 10^9 runs.
  expect(Math.min(...pauses)).toBeLessThan(WINDOW_MS * 0.2);
  expect(Math.max(...pauses)).toBeGreaterThan(WINDOW_MS * 0.8);
  expect(new Set(pauses).size).toBeGreaterThan(clients.length / 2);

  const flapsBefore = crowd.members.map(({ view }) => view.transitions.length);
  await scene.restart();
  await crowd.resume();
  await crowd.settle();
  await crowd.verifyViews();
  for (const [i, { view }] of crowd.members.entries())
    expect(view.transitions.slice(flapsBefore[i])).toEqual([]);
});
