import { afterEach, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../../servers/postgres-server.ts';
import { connectBare } from '../../wire/scene/bare-client.ts';
import { type ClusterScene, openClusterScene } from '../cluster/cluster-scene.ts';
import { documentConfig, LIMITS, openParty, type Party } from './party.ts';

let scene: ClusterScene;
let party: Party;
let postgres: PostgresServer;
afterEach(async () => {
  party.end();
  await scene.close();
  await postgres.stop();
});

it('[DOC2] [DOC3] 20 people edit over three nodes with Redis and Postgres; nodes and Postgres are killed: what was acknowledged is kept, and all have the same', async () => {
  postgres = await startPostgres();
  scene = await openClusterScene({
    nodes: 3,
    configModule: documentConfig('stored'),
    settings: { ...LIMITS, CARILLON_DATABASE_URL: postgres.url },
  });
  party = openParty(20, () => scene.pick().port, 42);
  const struck: number[] = [];
  await party.edit(80, async (round) => {
    if (round === 20 || round === 40) {
      const node = scene.nodes[round === 20 ? 0 : 1];
      struck.push(party.underWay());
      await node?.end('SIGKILL');
      await node?.start();
    }
    if (round === 60) {
      struck.push(party.underWay());
      await postgres.kill9();
      await postgres.restart();
    }
  });
  expect(Math.min(...struck)).toBeGreaterThan(5);
  const { acknowledged } = await party.converged(async () => {
    const reader = await connectBare(scene.pick().port);
    await reader.logIn('reader');
    return reader;
  });
  expect(acknowledged).toBeGreaterThan(500);
});
