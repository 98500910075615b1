import { afterEach, expect, it } from 'vitest';
import { type ClusterScene, openClusterScene } from './cluster-scene.ts';

let scene: ClusterScene;
afterEach(() => scene.close());

it('an erased user whose HTTP status another node looked after stays erased when Redis is emptied', async () => {
  scene = await openClusterScene({
    settings: { CARILLON_SESSIONS_GRACE_MS: '3000', CARILLON_REDIS_LEASE_MS: '3000' },
  });
  await scene.follow(['bob', 'alice'], ['bob', 'carol']);
  const [erasing, holding] = scene.nodes;
  // Carol's comes behind hers, and is put back behind hers.
  for (const user of ['alice', 'carol'])
    expect(
      await holding!.process.api('PUT', `/v1/users/${user}/status`, {
        device: 'desk',
        s: 'Busy',
        ttlMs: 600_000,
      }),
    ).toMatchObject({ status: 200 });
  const devicesOf = (user: string): Promise<unknown> =>
    scene.redis.run('EXISTS', `{carillon:presence:${user}}:devices`, `{carillon:presence:${user}}:record`);
  expect([await devicesOf('alice'), await devicesOf('carol')]).toEqual([2, 2]);
  expect(await erasing!.process.api('DELETE', '/v1/users/alice')).toMatchObject({ status: 204 });
  expect(await devicesOf('alice')).toBe(0);
  await scene.redis.run('FLUSHALL');
  await expect.poll(() => devicesOf('carol'), { timeout: 20_000, interval: 20 }).toBe(2);
  expect(await devicesOf('alice')).toBe(0);
});
