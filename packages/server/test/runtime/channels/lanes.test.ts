import { expect, it } from 'vitest';
import { createChannelHarness } from './channel-harness.ts';

const DAY_MS = 86_400_000;

it('[PUB7] [PUB2] a lane outlives ids, and ends 30 days behind its last number', async () => {
  const { logIn, clock } = await createChannelHarness({});
  async function publishes(once: object): Promise<object | undefined> {
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'pub', c: 'chat:1', i: 1, d: 'x', ...once });
    await clock.settle();
    const answer = ann.take().find(({ t }) => t === 'ok');
    ann.drop();
    return answer;
  }
  const startMs = clock.nowMs();
  /** To so long behind the first. */
  const to = async (ms: number): Promise<void> => {
    clock.stepWall(startMs + ms - clock.nowMs());
    await clock.settle();
  };
  expect(await publishes({ q: 'q', n: 1 })).toMatchObject({ o: 1 });
  expect(await publishes({ id: 'a' })).toMatchObject({ o: 2 });
  await to(20 * 60_000);
  expect(await publishes({ id: 'a' })).not.toHaveProperty('dup');
  expect(await publishes({ q: 'q', n: 1 })).toMatchObject({ o: 1, dup: true });
  await to(30 * DAY_MS);
  expect(await publishes({ q: 'q', n: 1 })).toMatchObject({ o: 1, dup: true });
  await to(30 * DAY_MS + 1);
  expect(await publishes({ q: 'q', n: 1 })).not.toHaveProperty('dup');
});
