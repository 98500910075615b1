import { afterAll, beforeAll, expect, it } from 'vitest';
import { numbers } from './scene/numbers.ts';
import { openScene, type Scene } from './scene/scene.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene({ CARILLON_PRESENCE_CONFLATE_MS: '0', CARILLON_LIMITS_MESSAGE_BURST: '10000' });
});
afterAll(() => scene.close());

const VALUES = {
  s: ['Online', 'Away', 'Busy'],
  a: ['', 'Coding', 'Review', 'Lunch'],
  p: ['', 'Carillon', 'Müsli'],
  l: ['', 'TS', 'Go'],
} as const;
type FieldName = keyof typeof VALUES;
const NAMES = Object.keys(VALUES) as FieldName[];

it('TST-PROTO-001 a u carries only the changed fields, one or two [PRE2] [PRE3]', async () => {
  await scene.follow(['viewer', 'subject']);
  const viewer = await scene.logIn('viewer');
  const subject = await scene.logIn('subject');
  await viewer.waitFor('o of subject', ({ t }) => t === 'o');
  viewer.take();
  const below = numbers(7);
  const now: Record<FieldName, string> = { s: 'Online', a: '', p: '', l: '' };
  let told = 0;

  for (let i = 1; i <= 500; i++) {
    const named = [...new Set([NAMES[below(4)]!, NAMES[below(4)]!])];
    const patch = Object.fromEntries(named.map((name) => [name, VALUES[name][below(VALUES[name].length)]!]));
    const changed = Object.fromEntries(
      named.filter((name) => patch[name] !== now[name]).map((name) => [name, patch[name]!]),
    );
    Object.assign(now, changed);
    subject.send({ t: 'statusUpdate', ...patch, i });
    await subject.waitFor(`ok of ${i}`, (message) => message.t === 'ok' && message['i'] === i);
    await viewer.settle();
    const expected = Object.keys(changed).length === 0 ? [] : [{ t: 'u', id: 'subject', ...changed }];
    expect(viewer.take(), `change ${i}: ${JSON.stringify(patch)}`).toEqual(expected);
    expect(subject.take()).toEqual([{ t: 'ok', i }]);
    told += expected.length;
  }
  expect(told).toBeGreaterThan(300);
});
