import { afterEach, expect, it } from 'vitest';
import { gatherCrowd } from '../faults/crowd.ts';
import { openScene, type Scene } from '../wire/scene/scene.ts';

let scene: Scene;
afterEach(() => scene.close());

const ROUNDS = 20;

it(
  '[RES6] 20 times kill -9 amid changes, and nobody ever sees anything of it',
  { timeout: 3_600_000 },
  async () => {
    scene = await openScene();
    const crowd = await gatherCrowd(scene, { size: 220, followsEach: 8 });
    await crowd.settle();
    const flapsBefore = crowd.members.map(({ view }) => view.transitions.length);
    for (let round = 1; round <= ROUNDS; round++) {
      crowd.keepChanging();
      // At another moment each time: in the first group commit, and thousands of changes later.
      await crowd.acknowledged(round * 150);
      const exit = scene.stop('SIGKILL');
      await crowd.gone();
      await exit;
      expect(crowd.inFlight(), `changes in flight in round ${round}`).toBeGreaterThan(0);
      await scene.restart();
      await crowd.resume();
      await crowd.settle();
      await crowd.verifyViews();
      for (const [i, { view }] of crowd.members.entries())
        expect(view.transitions.slice(flapsBefore[i])).toEqual([]);
    }
  },
);
