import { setTimeout as pass } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { openScene, type Scene } from '../wire/scene/scene.ts';
import { gatherCrowd } from './crowd.ts';

let scene: Scene;
afterEach(() => scene.close());

const GRACE_MS = 4_000;

/** Longer than the grace: the time in which the service was down is nobody's absence. */
const DOWN_MS = GRACE_MS + 500;

it('[RES6] [LOG4] after kill -9 amid changes everyone resumes, nobody saw anything, and what was acknowledged is there', async () => {
  scene = await openScene({ CARILLON_SESSIONS_GRACE_MS: `${GRACE_MS}` });
  const crowd = await gatherCrowd(scene, { size: 220, followsEach: 8 });
  const leavers = crowd.members.slice(0, 20);
  const stayers = crowd.members.slice(20);
  await crowd.settle();

  crowd.keepChanging();
  await crowd.acknowledged(2_000);
  const exit = scene.stop('SIGKILL');
  await crowd.gone();
  expect(await exit).toEqual({ code: null, signal: 'SIGKILL' });
  const inFlight = crowd.inFlight();
  expect(inFlight, 'changes in flight when the process was killed').toBeGreaterThan(0);
  const flapsBefore = crowd.members.map(({ view }) => view.transitions.length);

  await pass(DOWN_MS);
  await scene.restart();
  await crowd.resume(stayers);
  await crowd.settle(stayers);
  await crowd.verifyViews(stayers);
  for (const member of stayers)
    expect(member.view.transitions.slice(flapsBefore[crowd.members.indexOf(member)])).toEqual([]);

  // Who does not come back goes offline when the grace is over, and only they.
  const left = new Set(leavers.map(({ user }) => user));
  await Promise.all(
    stayers.flatMap(({ client, follows }) =>
      follows
        .filter((user) => left.has(user))
        .map((user) => client.waitFor(`x of ${user}`, ({ t, id }) => t === 'x' && id === user)),
    ),
  );
  await crowd.settle(stayers);
  await crowd.verifyViews(stayers);
  for (const member of stayers) {
    const seen = member.view.transitions.slice(flapsBefore[crowd.members.indexOf(member)]);
    expect(seen.toSorted(), `what ${member.user} saw`).toEqual(
      member.follows
        .filter((user) => left.has(user))
        .map((user) => `x ${user}`)
        .toSorted(),
    );
  }
});
