import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../servers/postgres-server.ts';
import type { BareClient } from '../wire/scene/bare-client.ts';
import { openScene, type Scene } from '../wire/scene/scene.ts';
import { startLoad } from './backend-load.ts';
import { type Outbox, createOutbox, nextTurn } from './outbox-under-test.ts';

const CONTRACT = new URL('../../../contract/src/index.ts', import.meta.url).href;

/** What a user has is in a map, what happened in a stream that is kept whole. */
const CONFIG = `
import { defineContract, map, stream } from '${CONTRACT}';
const data = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
const task = { '~standard': { version: 1, vendor: 'test', validate: (value) =>
  typeof value?.title === 'string' ? { value } : { issues: [{ message: 'title is missing' }] } } };
export default {
  contract: defineContract({
    channels: {
      'tasks:{user}': map({ data }),
      'told:{user}': stream({
        data,
        durability: 'stored',
        history: { count: 1_000_000, units: 1_000_000_000 },
      }),
    },
  }),
  feeds: {
    topics: {
      tasks: { schema: task, map: ({ key, data }) => ({
        channel: 'tasks:{user}', params: { user: key }, key: 'tea', value: data, ref: data.ref }) },
      'task-updates': { map: ({ key, id }) => ({ channel: 'told:{user}', params: { user: 'u' + key.replace('/', '-') }, value: id }) },
    },
  },
};
`;

let server: PostgresServer;
let outbox: Outbox;
let scene: Scene;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  outbox = await createOutbox(server);
  scene = await openScene({ CARILLON_OUTBOX_URL: outbox.url }, { configModule: CONFIG });
});
afterEach(async () => {
  await scene.close();
  await outbox.close();
});

async function subscribe(client: BareClient, c: string): Promise<void> {
  client.send({ t: 'sub', i: 1, c });
  await client.waitFor(`the answer to ${c}`, ({ t, i }) => t === 'ok' && i === 1);
}

/** The sum of a metric's series that have all of these labels. */
async function metric(name: string, ...labels: readonly string[]): Promise<number> {
  const { body } = await scene.server.api('GET', '/metrics');
  const series = String(body)
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`));
  const fitting = series.filter((line) => labels.every((label) => line.includes(label)));
  return fitting.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

describe('a server with an outbox', () => {
  it('tells the user of what a transaction inserted, and nobody else; what rolls back nobody; poison stays in its row', async () => {
    const [alice, bob] = [await scene.logIn('alice'), await scene.logIn('bob')];
    await subscribe(alice, 'tasks:alice');
    await subscribe(bob, 'tasks:bob');
    const add = (key: string, payload: object): Promise<unknown> =>
      outbox.app.query(`INSERT INTO carillon_outbox (topic, key, payload) VALUES ('tasks', $1, $2)`, [
        key,
        JSON.stringify(payload),
      ]);
    await outbox.app.query('BEGIN');
    await add('alice', { title: 'never' });
    await outbox.app.query('ROLLBACK');
    await outbox.app.query('BEGIN');
    await add('alice', { label: 'tea' });
    await add('alice', { title: 'tea', ref: 'm-1' });
    await outbox.app.query('COMMIT');
    const told = await alice.waitFor('the task', ({ t }) => t === 'p');
    expect(told).toMatchObject({
      c: 'tasks:alice',
      o: 1,
      k: 'tea',
      d: { title: 'tea', ref: 'm-1' },
      ref: 'm-1',
    });
    await outbox.rows('waiting', 0);
    const { rows } = await outbox.app.query('SELECT state, code, detail FROM carillon_outbox');
    expect(rows).toEqual([
      { state: 'dead', code: 'event_invalid', detail: expect.stringContaining('title is missing') as string },
    ]);
    await bob.settle();
    expect(bob.take().filter(({ t }) => t === 'p')).toEqual([]);
    expect(await metric('carillon_feed_events_total', 'source="outbox"', 'result="applied"')).toBe(1);
    expect(await metric('carillon_feed_events_total', 'source="outbox"', 'result="event_invalid"')).toBe(1);
    expect(await metric('carillon_feed_source_up', 'source="outbox"')).toBe(1);
  });

  it('killed with rows in flight, again and again, applies each event once, in the order of its key', async () => {
    const load = await startLoad(outbox.url, { writers: 2, keys: 8 });
    let repeated = 0;
    for (let life = 1; life <= 2 || (life <= 10 && repeated === 0); life++) {
      const watcher = await scene.logIn('u0-0');
      await subscribe(watcher, 'told:u0-0');
      let seen = 0;
      const enough = Promise.withResolvers<void>();
      watcher.onMessage = ({ t }) => {
        if (t === 'p' && ++seen === 15) enough.resolve();
      };
      await enough.promise;
      // What the life before had kept, and not taken for done.
      repeated += await metric('carillon_feed_events_total', 'source="outbox"', 'result="duplicate"');
      await scene.stop('SIGKILL');
      await scene.restart();
    }
    const written = await load.stop();
    await outbox.rows('waiting', 0);
    expect(repeated, 'events that were known again').toBeGreaterThan(0);
    expect(written.size).toBe(16);
    for (const [key, last] of written) {
      const user = `u${key.replace('/', '-')}`;
      const ids = await toldTo(await scene.logIn(user), `told:${user}`);
      expect(ids, key).toEqual(Array.from({ length: last }, (_each, n) => `${key}-${n + 1}`));
    }
  }, 120_000);

  it('is refused at its start where the table is missing, in one line', async () => {
    await scene.stop('SIGTERM');
    await outbox.app.query('DROP TABLE carillon_outbox');
    await expect(scene.restart()).rejects.toThrow(
      /feeds\.outbox: the outbox cannot be read: there is no table "carillon_outbox" with its lanes: run carillon migrate --outbox/,
    );
  });

  it('goes on serving while the Postgres of the app is away, says so, and catches up', async () => {
    const alice = await scene.logIn('alice');
    await subscribe(alice, 'tasks:alice');
    await server.shutDown();
    while ((await metric('carillon_feed_source_up', 'source="outbox"')) !== 0) await nextTurn();
    alice.send({ t: 'hist', c: 'tasks:alice', i: 2, n: 1, o: 0 });
    await alice.waitFor('an answer meanwhile', ({ i }) => i === 2);
    await server.restart();
    await outbox.reconnect();
    await outbox.app.query(
      `INSERT INTO carillon_outbox (topic, key, payload) VALUES ('tasks', 'alice', '{"title":"tea"}')`,
    );
    await alice.waitFor('the task', ({ t }) => t === 'p');
    while ((await metric('carillon_feed_source_up', 'source="outbox"')) !== 1) await nextTurn();
  });
});

async function toldTo(client: BareClient, c: string): Promise<readonly unknown[]> {
  const all: { readonly o: number; readonly d: unknown }[] = [];
  for (let i = 2; ; i++) {
    client.send({ t: 'hist', c, i, n: 1_000, o: all.at(-1)?.o ?? 0 });
    const page = await client.waitFor('a page of the history', (message) => message['i'] === i);
    all.push(...(page['ps'] as { o: number; d: unknown }[]));
    if (page['more'] !== true) return all.map(({ d }) => d);
  }
}
