import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { refusedUpgrade } from './scene/bare-client.ts';
import { type Bystanders, openBystanders } from './scene/bystanders.ts';
import { loginToken } from './scene/login-token.ts';
import { liveHeapBytes } from './scene/live-heap.ts';
import { openScene, type Scene } from './scene/scene.ts';

let scene: Scene;
let bystanders: Bystanders;
beforeAll(async () => {
  scene = await openScene(
    {
      CARILLON_ALLOWED_ORIGINS: 'https://app.example',
      CARILLON_SESSIONS_GRACE_MS: '100',
      CARILLON_LIMITS_NEW_SESSION_BURST: '10000',
    },
    { inspect: true },
  );
  bystanders = await openBystanders(scene);
});
afterAll(() => scene.close());

const REPETITIONS = 120;
const MIB = 1024 * 1024;
/** A round sends some 280 MB; whatever of it were kept in the second would show. */
const GROWTH_BYTES = MIB;

/** Every way to be refused or closed, each many times over. */
async function round(jwt: string): Promise<void> {
  const large = `{"t":"statusUpdate","a":"${'x'.repeat(MIB)}"}`;
  const noise = randomBytes(MIB);
  const deep = '['.repeat(60_000);
  for (let i = 0; i < REPETITIONS; i++) {
    const [first, second, third, fourth] = await Promise.all([
      scene.connect(),
      scene.connect(),
      scene.connect(),
      scene.connect(),
    ]);
    first.send(large);
    second.send(noise);
    third.send({ t: 'login', username: `nobody ${i} ${'x'.repeat(200)}`, token: `${jwt}x` });
    for (let k = 0; k < 5; k++) fourth.send(deep);
    await fourth.settle();
    const { token } = await fourth.logIn('mallory', { resume: 'r'.repeat(256) });
    expect(token['resumed']).toBe(false);
    fourth.send('{"t":"logout"}');
    expect((await first.closed).code).toBe(1009);
    expect((await second.closed).code).toBe(1009);
    expect((await third.closed).code).toBe(4200);
    expect((await fourth.closed).code).toBe(4205);
    expect(
      (await refusedUpgrade(scene.server.port, { headers: { Origin: 'https://evil.example' } })).status,
    ).toBe(403);
    if (i % 20 === 0) await bystanders.untouched();
  }
}

it('bad input, however often it is repeated, costs the server no memory', async () => {
  const jwt = await loginToken('mallory');
  await round(jwt);
  const before = await liveHeapBytes(scene.server);
  await round(jwt);
  await bystanders.untouched();
  expect((await liveHeapBytes(scene.server)) - before).toBeLessThan(GROWTH_BYTES);
});
