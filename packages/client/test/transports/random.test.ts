import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type LadderScene, ladderScene } from './ladder-scene.ts';

await import('../../src/transports/ladder.ts');

/** Something that happens between client and server. */
type Happening = { readonly name: string; apply(scene: LadderScene): unknown };

const happening = (name: string, apply: (scene: LadderScene) => unknown): fc.Arbitrary<Happening> =>
  fc.constant({ name, apply, toString: () => name });

const anything: fc.Arbitrary<Happening> = fc.oneof(
  fc
    .constantFrom('pass', 'refuse', 'hang', 'swallow')
    .chain((upgrade) =>
      happening(`upgrades ${upgrade}`, ({ network }) => (network.between.upgrade = upgrade)),
    ),
  fc
    .boolean()
    .chain((buffer) => happening(`buffer ${buffer}`, ({ network }) => (network.between.buffer = buffer))),
  fc.boolean().chain((down) => happening(`down ${down}`, ({ network }) => (network.between.down = down))),
  fc
    .constantFrom(null, 5_000, 10_000, 40_000)
    .chain((ms) => happening(`idle ${ms}`, ({ network }) => (network.between.idleMs = ms))),
  fc
    .constantFrom(null, 20_000)
    .chain((ms) => happening(`cut after ${ms}`, ({ network }) => (network.between.cutAfterMs = ms))),
  happening('lose answers', ({ network }) => (network.between.loseAnswers = 2)),
  happening('repeat', ({ network }) => (network.between.repeat = 2)),
  happening('refuse', ({ network }) => (network.between.refuse = 2)),
  happening('cut', ({ network }) => network.cut()),
  happening('moved', ({ tell }) => tell('moved')),
  happening('visible', ({ tell }) => tell('visible')),
  happening('a call', (scene) => void scene.client.call('slow', 1).catch(() => undefined)),
  happening('answer calls', ({ network }) => {
    for (const { line, i } of network.server.held.calls.splice(0)) line.send({ t: 'ok', i, d: 1 });
  }),
  happening('disconnect', ({ client }) => client.disconnect()),
  happening('connect', ({ client }) => client.connect()),
  fc.nat(90_000).chain((ms) => happening(`sleep ${ms} ms`, ({ clock }) => clock.sleep(ms))),
);

const usual: fc.Arbitrary<Happening> = fc.oneof(
  fc.nat(40_000).chain((ms) => happening(`${ms} ms`, ({ clock }) => clock.advance(ms))),
  happening('publish', (scene) => publish(scene)),
  happening('others publish', ({ network }) => network.server.publish(`other ${network.server.log.length}`)),
);

const sent = new WeakMap<LadderScene, { wanted: number; done: number }>();

function publish(scene: LadderScene): void {
  const count = sent.get(scene) ?? { wanted: 0, done: 0 };
  sent.set(scene, count);
  scene.client
    .stream('chat:1')
    .publish(`own ${count.wanted++}`)
    .then(
      () => count.done++,
      // After four and a half minutes without an answer.
      () => count.done++,
    );
}

it('whatever lies between, what is published arrives once and in order, and a good network ends on WebSocket', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ weight: 2, arbitrary: usual }, { weight: 3, arbitrary: anything }), {
        maxLength: 40,
      }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      async (happenings, randoms) => {
        const scene = ladderScene({ random: () => randoms.next().value as number });
        for (const each of happenings) await each.apply(scene);
        const { between, server } = scene.network;
        Object.assign(between, {
          down: false,
          upgrade: 'pass',
          buffer: false,
          idleMs: null,
          cutAfterMs: null,
          loseAnswers: 0,
          repeat: 0,
          refuse: 0,
        });
        for (const { line, i } of server.held.calls.splice(0)) line.send({ t: 'ok', i, d: 1 });
        scene.client.connect();
        scene.tell('moved');
        await scene.clock.advance(180_000);
        for (const { line, i } of server.held.calls.splice(0)) line.send({ t: 'ok', i, d: 1 });
        await scene.clock.advance(1_200_000);
        expect(scene.client.connection).toMatchObject({ status: 'connected', transport: 'websocket' });
        expect(scene.seen).toEqual(server.log.slice(server.log.length - scene.seen.length));
        expect(new Set(server.log).size, 'nothing twice').toBe(server.log.length);
        const count = sent.get(scene);
        expect(count?.done).toBe(count?.wanted);
        const own = server.log.filter((data) => String(data).startsWith('own'));
        expect(own).toEqual(own.toSorted((a, b) => Number(String(a).slice(4)) - Number(String(b).slice(4))));
        scene.client.disconnect();
        await scene.clock.advance(0);
        expect(scene.timers(), 'no timer is left').toBe(0);
        expect(scene.reported).toEqual([]);
      },
    ),
    { numRuns: 150 },
  );
}, 60_000);
