import BetterSqlite3 from 'better-sqlite3';
import { expect } from 'vitest';
import type { BareClient } from '../wire/scene/bare-client.ts';
import { loginToken } from '../wire/scene/login-token.ts';
import { liveHeapBytes } from '../wire/scene/live-heap.ts';
import { numbers } from '../wire/scene/numbers.ts';
import type { Scene } from '../wire/scene/scene.ts';
import { scrape } from '../wire/scene/server-metrics.ts';

/** People who come and go; the same in each round, so that the directory does not grow. */
const PEOPLE = 400;
const AT_ONCE = 40;

export type ChurnResult = {
  /** Sessions whose connection dropped with a change unanswered. */
  readonly droppedInFlight: number;
  readonly resumed: number;
  /** What the server holds afterwards. */
  readonly heldBytes: number;
};

/** Sessions log in, follow, change, resume, log out and drop, many at once; returns when nothing of them may be left. */
export async function churn(
  scene: Scene,
  { sessions, seed }: { readonly sessions: number; readonly seed: number },
): Promise<ChurnResult> {
  const below = numbers(seed);
  let begun = 0;
  let droppedInFlight = 0;
  let resumed = 0;

  async function live(): Promise<void> {
    const user = `churner${below(PEOPLE)}`;
    let client = await logIn(scene, user, { a: `session ${begun}` });
    if (below(3) === 0) {
      // Somebody whom nobody knows yet cannot be followed.
      const followed = await scene.server.api(
        below(3) === 0 ? 'DELETE' : 'PUT',
        `/v1/users/${user}/follows/churner${below(PEOPLE)}`,
      );
      expect([200, 400, 404]).toContain(followed.status);
    }
    for (let changes = below(4); changes > 0; changes--)
      client.send({ t: 'statusUpdate', s: 'Busy', a: `${begun} ${changes}` });
    if (below(4) === 0) {
      client.drop();
      await client.closed;
      client = await logIn(scene, user, { resume: client.resumeToken, at: client.at });
      // Late on a slow machine; the session it then has is as good for what is tested here.
      if (client.received.find(({ t }) => t === 'token')?.['resumed'] === true) resumed++;
    }
    switch (below(3)) {
      case 0:
        client.send('{"t":"logout"}');
        break;
      case 1:
        client.socket.close(1000);
        break;
      default:
        client.send('{"t":"statusUpdate","a":"last words","i":1}');
        if (!client.received.some(({ t }) => t === 'ok')) droppedInFlight++;
        client.drop();
    }
    await client.closed;
  }

  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (begun < sessions) {
        begun++;
        await live();
      }
    }),
  );
  await lastOneOut(scene);
  return {
    droppedInFlight,
    resumed,
    heldBytes: await liveHeapBytes(scene.server),
  };
}

/** Shorter than two heartbeats: the server sets a timer for the end of such a login token at once. */
const SOON_SECONDS = 50;

const jwts = new Map<string, Promise<string>>();

/** Tokens of an hour are kept; every other person has a fresh one that soon runs out. */
function jwtOf(user: string): Promise<string> {
  if (user.length % 2 === 0) return loginToken(user, SOON_SECONDS);
  const jwt = jwts.get(user) ?? loginToken(user);
  jwts.set(user, jwt);
  return jwt;
}

async function logIn(scene: Scene, user: string, extra: object): Promise<BareClient> {
  const token = await jwtOf(user);
  const client = await scene.connect();
  const synced = client.waitFor(`the login of ${user}`, ({ t }) => t === 'sync');
  client.send({ t: 'login', username: user, token, ...extra });
  await synced;
  return client;
}

/**
 * Graces end in the order in which they began: when the last session's end is seen, all that dropped before have ended.
 * Whoever saw it logs out, and what was written is committed.
 */
async function lastOneOut(scene: Scene): Promise<void> {
  await scene.follow(['doorkeeper', 'last one']);
  const doorkeeper = await scene.logIn('doorkeeper');
  const last = await scene.logIn('last one');
  await doorkeeper.waitFor('o of the last one', ({ t }) => t === 'o');
  last.drop();
  await doorkeeper.waitFor('x of the last one', ({ t }) => t === 'x');
  doorkeeper.send('{"t":"logout"}');
  await doorkeeper.closed;
  expect((await scene.server.api('GET', '/ready')).status).toBe(200);
}

/** Fails where the node holds anything, or the database a session or a device. */
export async function expectNothingLeft(scene: Scene): Promise<void> {
  const metrics = await scrape(scene.server);
  const held = {
    connections: metrics.value('carillon_connections'),
    attached: metrics.value('carillon_sessions', '{state="attached"}'),
    detached: metrics.value('carillon_sessions', '{state="detached"}'),
    watchedUsers: metrics.value('carillon_watched_users'),
    watchEdges: metrics.value('carillon_watch_edges'),
    timers: metrics.value('carillon_timers'),
    channels: metrics.value('carillon_channels'),
    subscriptions: metrics.value('carillon_subscriptions'),
    calls: metrics.value('carillon_calls'),
    heldUnits: metrics.value('carillon_held_units'),
  };
  expect(held).toEqual({
    connections: 0,
    attached: 0,
    detached: 0,
    watchedUsers: 0,
    watchEdges: 0,
    timers: 0,
    channels: 0,
    subscriptions: 0,
    calls: 0,
    heldUnits: 0,
  });
  const database = new BetterSqlite3(scene.databasePath, { readonly: true });
  const rows = (table: string): unknown => database.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
  expect({ sessions: rows('sessions'), devices: rows('devices') }).toEqual({ sessions: 0, devices: 0 });
  database.close();
}

/** Timers and sockets that keep the server's process alive, by kind. */
export async function activeResources(scene: Scene): Promise<Readonly<Record<string, number>>> {
  const kinds = (await scrape(scene.server)).by('nodejs_active_resources', 'type');
  // The scrape's own connections come and go.
  for (const kind of kinds.keys())
    if (!kind.includes('Timeout') && !kind.includes('Immediate')) kinds.delete(kind);
  return Object.fromEntries(kinds);
}
