import { afterEach, describe, expect, it } from 'vitest';
import { within } from '../../wire/scene/within.ts';
import { type ClusterScene, openClusterScene } from './cluster-scene.ts';
import { type Commute, ROOMS_CONFIG, startCommute } from './commute.ts';

let scene: ClusterScene;
let commute: Commute;
afterEach(async () => {
  commute.stop();
  await scene.close();
});

describe('a node of three', () => {
  it('[RES3] [REC1] killed under load: all resume elsewhere, nothing is lost or repeated, nobody sees anybody go', async () => {
    scene = await openClusterScene({ configModule: ROOMS_CONFIG });
    commute = await startCommute(scene, { people: 90, rooms: 6 });
    commute.keepPublishing();
    await commute.acknowledged(2_000);
    const [victim] = scene.nodes;
    const theirs = commute.all.filter(({ client }) => client?.socket.url.includes(`:${victim!.port}/`));
    expect(theirs.length, 'clients on the node that is killed').toBeGreaterThan(20);
    const exit = victim!.end('SIGKILL');
    const struck = theirs.filter(({ inFlight }) => inFlight).length;
    expect(await exit).toMatchObject({ signal: 'SIGKILL' });
    expect(struck, 'publications in flight on the node that was killed').toBeGreaterThan(0);
    await commute.acknowledged(2_000);
    await commute.calm();
    for (const { resumed, lost, client } of theirs) {
      expect({ resumed, lost }).toEqual({ resumed: 1, lost: 0 });
      expect(client?.socket.url).not.toContain(`:${victim!.port}/`);
    }
    expect(commute.flaps()).toEqual([]);
    commute.verify();
    await commute.verifyViews();
  });

  it('[RES7] each restarted in turn: the same, the returns are spread over the window', async () => {
    const windowMs = 2_000;
    scene = await openClusterScene({
      configModule: ROOMS_CONFIG,
      settings: { CARILLON_DRAIN_WINDOW_MS: `${windowMs}` },
    });
    commute = await startCommute(scene, { people: 90, rooms: 6 });
    commute.keepPublishing();
    const pauses: number[] = [];
    for (const node of scene.nodes) {
      await commute.acknowledged(1_000);
      const theirs = commute.all.flatMap(({ client }) =>
        client?.socket.url.includes(`:${node.port}/`) === true ? [client] : [],
      );
      const inFlight = commute.inFlight();
      const exit = node.end('SIGTERM');
      expect(inFlight, 'publications in flight').toBeGreaterThan(0);
      await Promise.all(theirs.map(({ closed }) => closed));
      for (const { received } of theirs)
        pauses.push(received.findLast(({ t }) => t === 'bye')!['afterMs'] as number);
      expect(await exit).toEqual({ code: 0, signal: null });
      await node.start();
    }
    expect(pauses.length).toBeGreaterThan(60);
    expect(Math.max(...pauses)).toBeGreaterThan(windowMs * 0.7);
    expect(Math.min(...pauses)).toBeLessThan(windowMs * 0.3);
    await commute.acknowledged(1_000);
    await commute.calm();
    expect(commute.all.map(({ lost }) => lost).filter((lost) => lost > 0)).toEqual([]);
    expect(commute.flaps()).toEqual([]);
    commute.verify();
    await commute.verifyViews();
  });

  it('killed for good: who does not come back goes offline once, after the grace; nobody else does', async () => {
    const graceMs = 3_000;
    scene = await openClusterScene({
      configModule: ROOMS_CONFIG,
      settings: { CARILLON_SESSIONS_GRACE_MS: `${graceMs}`, CARILLON_REDIS_LEASE_MS: '3000' },
    });
    commute = await startCommute(scene, { people: 30, rooms: 3 });
    const [victim] = scene.nodes;
    const theirs = commute.all.filter(({ client }) => client?.socket.url.includes(`:${victim!.port}/`));
    const stayers = commute.all.filter((commuter) => !theirs.includes(commuter));
    commute.flaps();
    for (const commuter of theirs) commuter.stop();
    await victim!.end('SIGKILL');
    const gone = new Set(theirs.map(({ user }) => user));
    const expected = (): number =>
      stayers.filter(({ view }) =>
        [...view.friends].some(([user, { s }]) => gone.has(user) && s !== 'Offline'),
      ).length;
    await expect.poll(expected, { timeout: 60_000, interval: 50 }).toBe(0);
    for (const { client } of stayers) await client!.settle();
    const seen = commute.flaps();
    expect(new Set(seen).size, 'each departure is told once').toBe(seen.length);
    expect(seen.every((flap) => / saw x /.test(flap) && gone.has(flap.split(' ').at(-1)!))).toBe(true);
    expect(seen.length).toBeGreaterThan(0);
  });
});

describe('a client whose old connection still sends', () => {
  it('[RES3] resumes on another node: what the older connection sends changes nothing any more', async () => {
    scene = await openClusterScene({ nodes: 2, configModule: ROOMS_CONFIG });
    commute = await startCommute(scene, { people: 2, rooms: 1, followsEach: 1 });
    const [mover, watcher] = commute.all;
    const old = mover!.client!;
    const before = watcher!.view.transitions.length;
    // Under way when the session goes on elsewhere; all together fewer than a connection may send at once.
    for (let i = 0; i < 40; i++) old.send({ t: 'statusUpdate', s: 'Away', a: `old ${i}` });
    const { connectBare } = await import('../../wire/scene/bare-client.ts');
    const { loginToken } = await import('../../wire/scene/login-token.ts');
    const other = scene.nodes.find(({ port }) => !old.socket.url.includes(`:${port}/`))!;
    const next = await connectBare(other.port);
    const synced = next.waitFor('sync', ({ t }) => t === 'sync');
    next.send({
      t: 'login',
      v: 1,
      username: mover!.user,
      token: await loginToken(mover!.user),
      resume: old.resumeToken,
    });
    let sent = 0;
    while (old.socket.readyState === old.socket.OPEN && sent < 40) {
      old.send({ t: 'statusUpdate', s: 'Away', a: `older ${sent++}` });
      if (next.received.some(({ t }) => t === 'sync')) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await synced;
    expect(sent, 'changes of the older connection while the session moved').toBeGreaterThan(0);
    next.send({ t: 'statusUpdate', s: 'Busy', a: 'new', i: 7 });
    await next.waitFor('the answer', ({ i }) => i === 7);
    for (let i = 0; i < 10 && old.socket.readyState === old.socket.OPEN; i++)
      old.send({ t: 'statusUpdate', s: 'Away', a: `late ${i}` });
    expect(await within(old.closed, 'the older connection is closed')).toMatchObject({ reason: 'replaced' });
    await watcher!.client!.settle();
    await expect
      .poll(() => watcher!.view.friends.get(mover!.user), { timeout: 10_000 })
      .toMatchObject({ s: 'Busy', a: 'new' });
    expect(watcher!.view.transitions.slice(before)).toEqual([]);
    expect(await scene.api('GET', `/v1/users/${mover!.user}/presence`)).toMatchObject({
      body: { s: 'Busy', a: 'new' },
    });
    next.drop();
  });
});

describe('clocks an hour apart', () => {
  it('two nodes serve the same users: sessions move both ways, nobody flaps, stamps hold', async () => {
    const shift = (ms: number): string =>
      `data:text/javascript,${encodeURIComponent(`const now = Date.now; Date.now = () => now() + ${ms};`)}`;
    scene = await openClusterScene({
      nodes: 2,
      configModule: ROOMS_CONFIG,
      settingsOf: (node) => (node === 1 ? { NODE_OPTIONS: `--import=${shift(3_600_000)}` } : {}),
    });
    commute = await startCommute(scene, { people: 20, rooms: 2 });
    commute.keepPublishing();
    await commute.acknowledged(400);
    expect(commute.inFlight()).toBeGreaterThan(0);
    for (const node of [...scene.nodes, ...scene.nodes]) {
      // Everybody goes over to the other one, and back.
      await node.end('SIGKILL');
      await commute.acknowledged(200);
      await node.start();
    }
    await commute.calm();
    expect(commute.all.map(({ lost }) => lost).filter((lost) => lost > 0)).toEqual([]);
    expect(commute.flaps()).toEqual([]);
    commute.verify();
    await commute.verifyViews();
  });
});
