import { afterEach, expect, it } from 'vitest';
import type { BareClient } from '../wire/scene/bare-client.ts';
import { openScene, type Scene } from '../wire/scene/scene.ts';

let scene: Scene;
afterEach(() => scene.close());

const PUBLISHERS = 200;
const KILLS = 3;

/** What has been acknowledged before the process is killed, each time. */
const ACKNOWLEDGED = 1_500;

const CONTRACT = new URL('../../../contract/src/index.ts', import.meta.url).href;

const CONFIG = `
import { defineContract, stream } from '${CONTRACT}';
const data = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
export default {
  contract: defineContract({
    channels: {
      'vault:{id}': stream({
        data,
        durability: 'stored',
        history: { count: 1_000_000, units: 1_000_000_000 },
        rate: { perSecond: 1_000_000, burst: 1_000_000 },
      }),
    },
  }),
  authorize: { 'vault:{id}': () => true },
};
`;

/** Publishes one after the other; what was not answered is sent again, under its id, on the next connection. */
type Publisher = {
  readonly user: string;
  client: BareClient;
  /** The number of the publication that is under way. */
  number: number;
  busy: boolean;
};

it('[PUB1] [PUB2] [PUB7] kill -9 under 200 publishers: nothing acknowledged is missing, nothing is there twice', async () => {
  scene = await openScene({ CARILLON_LIMITS_NEW_SESSION_BURST: '1000' }, { configModule: CONFIG });
  const acknowledged = new Map<string, number>();
  const enough = { count: 0, at: 0, reached: Promise.withResolvers<void>() };
  let going = true;

  function publish(publisher: Publisher): void {
    const { user, number, client } = publisher;
    publisher.busy = true;
    // Every other one numbers them in a lane.
    const once = Number(user.slice(1)) % 2 === 0 ? { id: `${user}-${number}` } : { q: 'q', n: number };
    client.send({ t: 'pub', c: 'vault:1', d: `${user} ${number}`, ...once, i: number });
  }

  function listen(publisher: Publisher): void {
    publisher.client.onMessage = ({ t, i, o }) => {
      if (t !== 'ok' || i !== publisher.number) return;
      acknowledged.set(`${publisher.user} ${publisher.number}`, o as number);
      publisher.number++;
      publisher.busy = false;
      if (++enough.count >= enough.at) enough.reached.resolve();
      if (going) publish(publisher);
    };
  }

  const publishers: Publisher[] = [];
  for (let n = 0; n < PUBLISHERS; n++) {
    const user = `p${n}`;
    publishers.push({ user, client: await scene.logIn(user), number: 1, busy: false });
  }
  for (let kill = 1; kill <= KILLS; kill++) {
    enough.at = enough.count + ACKNOWLEDGED;
    enough.reached = Promise.withResolvers<void>();
    going = true;
    for (const publisher of publishers) {
      listen(publisher);
      publish(publisher);
    }
    await enough.reached.promise;
    const exit = await scene.stop('SIGKILL');
    expect(exit).toEqual({ code: null, signal: 'SIGKILL' });
    going = false;
    await Promise.all(publishers.map(({ client }) => client.closed));
    expect(
      publishers.filter(({ busy }) => busy).length,
      'publications under way at the kill',
    ).toBeGreaterThan(0);
    await scene.restart();
    for (const publisher of publishers) {
      const { client } = publisher;
      publisher.client = await scene.logIn(publisher.user, { resume: client.resumeToken });
    }
  }
  // What the last kill left unanswered is sent once more, and answered.
  for (const publisher of publishers) {
    listen(publisher);
    if (publisher.busy) publish(publisher);
  }
  for (const publisher of publishers)
    if (publisher.busy) await publisher.client.waitFor('the last answer', () => !publisher.busy);

  const kept = await readAll(publishers[0]!.client);
  const places = new Map(kept.map(({ d, o }) => [d, o]));
  expect(places.size, 'payloads that are there twice').toBe(kept.length);
  expect(kept.map(({ o }) => o)).toEqual(kept.map((_, i) => i + 1));
  const wrong = [...acknowledged].filter(([payload, o]) => places.get(payload) !== o);
  expect(wrong, 'acknowledged, and missing or elsewhere').toEqual([]);
  expect(acknowledged.size).toBeGreaterThanOrEqual(KILLS * ACKNOWLEDGED);
});

async function readAll(client: BareClient): Promise<{ readonly o: number; readonly d: string }[]> {
  const all: { o: number; d: string }[] = [];
  for (let i = 1_000_000; ; i++) {
    client.send({ t: 'hist', c: 'vault:1', i, n: 1_000, o: all.at(-1)?.o ?? 0 });
    const page = await client.waitFor('a page of the history', (message) => message['i'] === i);
    all.push(...(page['ps'] as { o: number; d: string }[]));
    if (page['more'] !== true) return all;
  }
}
