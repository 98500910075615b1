import { afterEach, expect, it } from 'vitest';
import { type ClusterScene, openClusterScene } from './cluster-scene.ts';
import { type Commute, ROOMS_CONFIG, startCommute } from './commute.ts';
import { type PreviousVersion, takePreviousVersion } from './previous-version.ts';

let scene: ClusterScene;
let commute: Commute;
let previous: PreviousVersion;
afterEach(async () => {
  commute.stop();
  await scene.close();
  previous.remove();
});

it('a node of this version and one of the version before are one: sessions go over and back, nothing is lost, nobody flaps', async () => {
  previous = takePreviousVersion();
  scene = await openClusterScene({
    nodes: 2,
    configModule: ROOMS_CONFIG,
    mainOf: (node) => (node === 1 ? previous.main : undefined),
  });
  commute = await startCommute(scene, { people: 40, rooms: 3 });
  commute.keepPublishing();
  await commute.acknowledged(400);
  // As in a rolling upgrade, and as where it is taken back.
  for (const node of [...scene.nodes, ...scene.nodes]) {
    const inFlight = commute.inFlight();
    await node.end('SIGKILL');
    expect(inFlight, 'publications in flight').toBeGreaterThan(0);
    await commute.acknowledged(300);
    await node.start();
  }
  await commute.calm();
  expect(commute.all.map(({ lost }) => lost).filter((lost) => lost > 0)).toEqual([]);
  expect(commute.flaps()).toEqual([]);
  commute.verify();
  await commute.verifyViews();
});
