import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BareClient } from './scene/bare-client.ts';
import { createFriendView, type FriendView } from './scene/friend-view.ts';
import { openScene, type Scene } from './scene/scene.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const USERS = 100;
const FOLLOWS = 20;
const CHANGES_EACH = 40;
/** Each user changes this often. Twice the time in which the server merges a device's changes, so that each is told. */
const CHANGE_EVERY_MS = 100;
/** The requirement's bound, the one clock that a test here looks at. */
const P95_MS = 100;

it('TST-PROTO-003 100 users change at once: none fails, no last state is lost, p95 of delivery is under 100 ms', async () => {
  const users = Array.from({ length: USERS }, (_, i) => `user${i}`);
  // Steps coprime to the number of users, so that the graph has no clusters.
  const followsOf = (i: number): string[] =>
    Array.from({ length: FOLLOWS }, (_, k) => users[(i + 1 + k * 7) % USERS]!).filter(
      (user) => user !== users[i],
    );
  await scene.follow(...users.flatMap((user, i) => followsOf(i).map((other) => [user, other] as const)));

  const clients: BareClient[] = [];
  const views: FriendView[] = [];
  for (const [i, user] of users.entries()) {
    const client = await scene.connect();
    const view = createFriendView();
    client.onMessage = view.read;
    await client.logIn(user);
    clients[i] = client;
    views[i] = view;
  }

  const sentAtMs = new Map<string, number>();
  const latenciesMs: number[] = [];
  for (const [i, client] of clients.entries()) {
    const view = views[i]!;
    client.onMessage = (message) => {
      view.read(message);
      const sent = sentAtMs.get(`${message['id'] as string} ${message['a'] as string}`);
      if (message.t === 'u' && sent !== undefined) latenciesMs.push(performance.now() - sent);
    };
  }

  await Promise.all(
    clients.map(async (client, i) => {
      for (let change = 1; change <= CHANGES_EACH; change++) {
        // Spread over the interval, as people are.
        const dueMs = CHANGE_EVERY_MS * (change === 1 ? i / USERS : 1);
        await new Promise((resolve) => setTimeout(resolve, dueMs));
        const a = `change ${change}`;
        sentAtMs.set(`${users[i]!} ${a}`, performance.now());
        client.send({ t: 'statusUpdate', a, s: change % 2 === 0 ? 'Busy' : 'Online' });
      }
      client.send({ t: 'statusUpdate', s: 'Away', a: 'the last state', i: 1 });
      await client.waitFor('ok of the last change', ({ t }) => t === 'ok');
    }),
  );
  for (const client of clients) await client.settle();

  for (const [i, view] of views.entries()) {
    expect([...view.friends.keys()].toSorted()).toEqual(followsOf(i).toSorted());
    for (const [friend, state] of view.friends)
      expect(state, `${users[i]!} of ${friend}`).toEqual({ s: 'Away', a: 'the last state' });
    expect(clients[i]!.received.filter(({ t }) => t === 'err' || t === 'bye')).toEqual([]);
    expect(clients[i]!.closedWith).toBeNull();
  }
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  // Changes that a slow machine's server merged are no deliveries of their own; most are.
  expect(sorted.length).toBeGreaterThan((USERS * CHANGES_EACH * FOLLOWS) / 2);
  expect(sorted[Math.floor(sorted.length * 0.95)]).toBeLessThan(P95_MS);
});
