import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BareClient } from './scene/bare-client.ts';
import { numbers } from './scene/numbers.ts';
import { openScene, type Scene } from './scene/scene.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene({
    CARILLON_PRESENCE_CONFLATE_MS: '0',
    CARILLON_SESSIONS_GRACE_MS: '20',
    CARILLON_LIMITS_MESSAGE_BURST: '100000',
  });
});
afterAll(() => scene.close());

const PEOPLE = 24;
const EVENTS = 2_500;

it('TST-PROTO-002 a non-follower receives nothing, nor does a blocked one, whatever others do [PRE1] [PRE8]', async () => {
  const people = Array.from({ length: PEOPLE }, (_, i) => `p${i}`);
  const everyone = people.map((person) => ['fan', person] as const);
  await scene.follow(
    ...everyone,
    ...people.map((person) => ['blocked', person] as const),
    ['loner', 'quiet'],
    ['p0', 'stranger'],
    ['p1', 'blocked'],
  );
  for (const person of people) await scene.server.api('PUT', `/v1/users/${person}/blocks/blocked`);

  // Nobody follows `watchers`, everyone does something; `fan` shows that there was something to see.
  const stranger = await scene.connect();
  expect((await stranger.logIn('stranger')).sync['users']).toEqual([]);
  stranger.take();
  const blocked = await scene.connect();
  expect((await blocked.logIn('blocked')).sync['users']).toEqual([]);
  blocked.take();
  const loner = await scene.connect();
  expect((await loner.logIn('loner')).sync['users']).toEqual([{ username: 'quiet', s: 'Offline' }]);
  loner.take();
  const fan = await scene.logIn('fan');

  const below = numbers(20);
  const online = new Map<string, BareClient>();
  const counts: Record<string, number> = {};
  for (let event = 0; event < EVENTS; event++) {
    const person = people[below(PEOPLE)]!;
    const other = people[below(PEOPLE)]!;
    const client = online.get(person);
    const kind =
      client === undefined
        ? 'login'
        : ['status', 'status', 'status', 'status', 'drop', 'logout', 'edge', 'http'][below(8)]!;
    counts[kind] = (counts[kind] ?? 0) + 1;
    switch (kind) {
      case 'login':
        online.set(person, await scene.logIn(person, { a: `came at ${event}` }));
        break;
      case 'status':
        client!.send({
          t: 'statusUpdate',
          a: `did ${event}`,
          s: ['Online', 'Busy', 'Away', 'Invisible'][below(4)]!,
        });
        break;
      case 'drop':
        client!.drop();
        online.delete(person);
        break;
      case 'logout':
        client!.send({ t: 'logout' });
        online.delete(person);
        break;
      case 'edge':
        if (person !== other)
          await scene.server.api(
            below(2) === 0 ? 'PUT' : 'DELETE',
            `/v1/users/${person}/${['follows', 'blocks', 'close'][below(3)]!}/${other}`,
          );
        break;
      case 'http':
        await scene.server.api('PUT', `/v1/users/${person}/status`, {
          a: `over HTTP ${event}`,
          ttlMs: 1_000,
        });
        break;
    }
  }
  for (const client of online.values()) await client.settle();
  for (const client of [stranger, blocked, loner, fan]) await client.settle();

  for (const kind of ['login', 'status', 'drop', 'logout', 'edge', 'http'])
    expect(counts[kind], kind).toBeGreaterThan(20);
  const seen = fan.take();
  for (const type of ['o', 'u', 'x'])
    expect(seen.filter(({ t }) => t === type).length, type).toBeGreaterThan(50);
  expect(stranger.take()).toEqual([]);
  expect(blocked.take()).toEqual([]);
  expect(loner.take()).toEqual([]);
});
