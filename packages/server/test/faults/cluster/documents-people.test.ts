import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { base64, typed, updateOf } from '../../documents/yjs-client.ts';
import { type BareClient, connectBare, type Wire } from '../../wire/scene/bare-client.ts';
import { type ClusterScene, openClusterScene } from './cluster-scene.ts';

const CONTRACT = new URL('../../../../contract/src/index.ts', import.meta.url).href;

/** The rule reads who may what from a file, as it would from a database. */
const CONFIG = `
import { readFileSync } from 'node:fs';
import { defineContract, document, stream } from '${CONTRACT}';
const data = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
const rolesOf = (user) => JSON.parse(readFileSync(new URL('./roles.json', import.meta.url), 'utf8'))[user] ?? 'none';
export default {
  contract: defineContract({
    channels: {
      'doc:{id}': document({ durability: 'memory' }),
      'notes:{id}': stream({ data, durability: 'memory', beside: 'doc:{id}' }),
    },
  }),
  authorize: { 'doc:{id}': ({ user }) => rolesOf(user) },
};
`;

type Item = { readonly cl: number; readonly by?: string; readonly d?: unknown };

let scene: ClusterScene;
let roles: Record<string, string>;
beforeEach(async () => {
  scene = await openClusterScene({
    configModule: CONFIG,
    settings: {
      CARILLON_SESSIONS_GRACE_MS: '4000',
      CARILLON_REDIS_LEASE_MS: '3000',
      CARILLON_CHANNELS_AWARENESS_MS: '1000',
    },
  });
  roles = {};
  await say({ ann: 'write', bob: 'read', cat: 'comment', ghost: 'read' });
});
afterEach(() => scene.close());

async function say(changes: Record<string, string>): Promise<void> {
  Object.assign(roles, changes);
  await writeFile(join(scene.folder, 'roles.json'), JSON.stringify(roles));
}

async function enter(node: number, user: string, cl: number[] = [], extra: object = {}): Promise<BareClient> {
  const client = await connectBare(scene.nodes[node]!.port);
  await client.logIn(user, extra);
  await subscribe(client, 'doc:1', { cl });
  return client;
}

async function subscribe(client: BareClient, c: string, extra: object = {}): Promise<Wire> {
  client.send({ t: 'sub', c, i: 1, ...extra });
  const answer = await client.waitFor(
    'the answer to sub',
    ({ t, i }) => (t === 'ok' || t === 'err') && i === 1,
  );
  client.take();
  return answer;
}

/** Whoever is told of a client id, with its state; without one, that it is over. */
const seen = (client: BareClient, cl: number, d?: unknown): Promise<Wire> =>
  client.waitFor(
    `client ${cl} is ${JSON.stringify(d)}`,
    ({ t, ss }) =>
      t === 'aw' &&
      (ss as Item[]).some((item) => item.cl === cl && JSON.stringify(item.d) === JSON.stringify(d)),
  );

const over = (client: BareClient): number[] =>
  client.received
    .filter(({ t }) => t === 'aw')
    .flatMap(({ ss }) => (ss as Item[]).filter(({ d }) => d === undefined).map(({ cl }) => cl));

describe('documents on three nodes over a real Redis', () => {
  it('[DOC5] a role that sinks counts on every node once it is answered, for what is under way too', async () => {
    const doc = new Y.Doc();
    const ann = await enter(0, 'ann', [doc.clientID]);
    const tablet = await enter(1, 'ann');
    const [bob, cat] = [await enter(1, 'bob'), await enter(2, 'cat')];
    for (const client of [ann, cat]) expect(await subscribe(client, 'notes:1')).toMatchObject({ t: 'ok' });
    const type = (i: number): void => {
      const update = updateOf(doc, () => typed(doc).insert(i, 'x'));
      ann.send({ t: 'upd', c: 'doc:1', d: base64(update), i: 100 + i });
    };
    type(0);
    await ann.waitFor('the first is kept', ({ t, i }) => t === 'ok' && i === 100);

    await say({ ann: 'read', cat: 'none' });
    // Sent without waiting: some are taken before the change, and none behind it.
    for (let i = 1; i < 30; i++) type(i);
    expect(await scene.nodes[2]!.process.api('POST', '/v1/channels/doc%3A1/recheck', {})).toMatchObject({
      status: 204,
    });
    for (let i = 30; i < 40; i++) type(i);
    ann.send({ t: 'pub', c: 'notes:1', d: 'x', i: 200 });
    await ann.waitFor('the last is refused', ({ t, i }) => t === 'err' && i === 139);
    await ann.waitFor(
      'nothing beside either',
      ({ t, i, code }) => t === 'err' && i === 200 && code === 'forbidden',
    );

    for (const client of [ann, tablet])
      expect(client.received.filter(({ t }) => t === 'role')).toMatchObject([{ c: 'doc:1', role: 'read' }]);
    for (const c of ['doc:1', 'notes:1'])
      await cat.waitFor(`${c} is over`, (message) => message.t === 'unsub' && message['c'] === c);
    expect(cat.received.filter(({ t }) => t === 'unsub').map(({ code }) => code)).toEqual([
      'forbidden',
      'forbidden',
    ]);
    expect(await subscribe(cat, 'doc:1')).toMatchObject({ t: 'err', code: 'forbidden' });

    const answers = ann.received
      .filter(({ t, i }) => t !== 'p' && typeof i === 'number' && i >= 100 && i < 140)
      .toSorted((a, b) => Number(a['i']) - Number(b['i']));
    const taken = answers.filter(({ t }) => t === 'ok');
    expect(answers).toHaveLength(40);
    expect(taken.map(({ i }) => i)).toEqual(taken.map((_, index) => 100 + index));
    for (const { t, code } of answers.slice(taken.length)) expect([t, code]).toEqual(['err', 'forbidden']);
    // What came behind the answer surely is none of it.
    expect(taken.length).toBeLessThanOrEqual(30);
    await bob.waitFor('the last that was taken', ({ t, o }) => t === 'p' && o === taken.length);
    await bob.settle();
    expect(bob.received.filter(({ t }) => t === 'p').map(({ o }) => o)).toEqual(
      taken.map((_, index) => index + 1),
    );

    await say({ ann: 'write' });
    expect(await scene.api('POST', '/v1/channels/doc%3A1/recheck', { user: 'ann' })).toMatchObject({
      status: 204,
    });
    await ann.waitFor('the role is back', ({ t, role }) => t === 'role' && role === 'write');
  });

  it('[DOC6] of a node that was killed everybody stays through the grace; who came back stays, and ghosts go', async () => {
    const [bob, cat] = [await enter(1, 'bob', [3]), await enter(2, 'cat', [4])];
    const ann = await enter(0, 'ann', [1]);
    const ghost = await enter(0, 'ghost', [2]);
    ann.send({ t: 'aw', c: 'doc:1', cl: 1, n: 1, d: { x: 1 } });
    ghost.send({ t: 'aw', c: 'doc:1', cl: 2, n: 1, d: { x: 2 } });
    for (const client of [bob, cat]) for (const cl of [1, 2]) await seen(client, cl, { x: cl });
    await scene.nodes[0]!.end('SIGKILL');
    await Promise.all([ann.closed, ghost.closed]);

    const back = await enter(2, 'ann', [1], { resume: ann.resumeToken });
    const late = await enter(1, 'late', [9]).then(
      (client) => client,
      () => null,
    );
    expect(late?.received.some(({ t }) => t === 'aw') ?? false, 'who has no role sees nobody').toBe(false);
    for (const client of [bob, cat, back]) await seen(client, 2);
    for (const client of [bob, cat, back]) expect(over(client)).toEqual([2]);
    // A page that was loaded anew begins with a clock of its own.
    back.send({ t: 'aw', c: 'doc:1', cl: 1, n: 1, d: { x: 'back' } });
    for (const client of [bob, cat]) {
      await seen(client, 1, { x: 'back' });
      expect(over(client)).toEqual([2]);
    }
    back.send({ t: 'logout' });
    for (const client of [bob, cat]) await seen(client, 1);
  });
});
