import { afterEach, describe, expect, it } from 'vitest';
import { type Balancer, startBalancer } from '../../deploy/balancer.ts';
import { type ClusterNode, type ClusterScene, openClusterScene } from './cluster-scene.ts';
import { ROOMS_CONFIG } from './commute.ts';
import { type SdkCrowd, startSdkCrowd, summed, transportsOf, WAYS } from './sdk-crowd.ts';

/** A session's grace, ms: whoever is not back within it has lost its session. */
const GRACE_MS = 15_000;

const ending: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

async function open(options: Parameters<typeof openClusterScene>[0]): Promise<ClusterScene> {
  const scene = await openClusterScene({ configModule: ROOMS_CONFIG, ...options });
  ending.push(() => scene.close());
  return scene;
}

async function crowd(scene: ClusterScene, port: number, each: number): Promise<SdkCrowd> {
  const people = await startSdkCrowd(scene, port, { each });
  ending.push(() => people.stop());
  return people;
}

describe('real clients on all transports, whose requests go to any node in turn', () => {
  it('[HTTP7] [RES3] a node is killed under load: all go on within the grace, nothing is lost or repeated, nobody sees anybody go', async () => {
    const scene = await open({
      settings: {
        CARILLON_TRUSTED_PROXIES: '127.0.0.1',
        CARILLON_SESSIONS_GRACE_MS: String(GRACE_MS),
        // No help from the lease: nodes must notice it otherwise.
        CARILLON_REDIS_LEASE_MS: '120000',
      },
    });
    const nginx: Balancer = await startBalancer('nginx', { nodes: scene.nodes.map(({ port }) => port) });
    ending.push(() => nginx.stop());
    const people = await crowd(scene, nginx.port, 6);
    await people.each(10);
    const before = people.all.map(({ client, returns }) => ({ session: client.session, returns }));
    const [victim] = scene.nodes as [ClusterNode];
    const theirs = await transportsOf(victim);
    for (const [at, count] of theirs.entries())
      expect(count, `connections by ${WAYS[at]} of the node that is killed`).toBeGreaterThan(0);
    expect(await summed(scene, 'carillon_relayed_requests_total', 'result')).toMatchObject({
      answer: expect.any(Number),
    });
    const exit = victim.end('SIGKILL');
    const inFlight = new Set(people.all.filter((person) => person.inFlight));
    expect(await exit).toMatchObject({ signal: 'SIGKILL' });
    await people.each(10, GRACE_MS);
    const struck = people.all.filter(({ returns }, at) => returns > before[at]!.returns);
    for (const [at, way] of WAYS.entries())
      expect(struck.filter((person) => person.way === way).length, way).toBeGreaterThanOrEqual(theirs[at]!);
    expect(struck.filter((person) => inFlight.has(person)).length, 'publications in flight').toBeGreaterThan(
      0,
    );
    await people.verify();
    expect(people.all.map(({ client }) => client.session)).toEqual(before.map(({ session }) => session));
  });
});

describe('carillon serve --workers', () => {
  it('[HTTP7] any worker takes any request of a line: one is killed under load, and nobody loses or repeats anything', async () => {
    const scene = await open({
      nodes: 1,
      args: ['--workers', '3'],
      settings: { CARILLON_REDIS_LEASE_MS: '120000', CARILLON_SESSIONS_GRACE_MS: String(GRACE_MS) },
    });
    const { process: server } = scene.nodes[0]!;
    const lives = (): number[] =>
      server.log.flatMap((line) => {
        const { msg, pid } = JSON.parse(line) as { readonly msg: string; readonly pid: number };
        return msg === 'worker_serving' ? [pid] : [];
      });
    await expect.poll(() => lives().length, { timeout: 60_000 }).toBe(3);
    const people = await crowd(scene, server.port, 4);
    await people.each(20);
    const relayed = await summed(scene, 'carillon_relayed_requests_total', 'result');
    expect(relayed['answer'], 'requests that another worker answered').toBeGreaterThan(100);
    const sessions = people.all.map(({ client }) => client.session);
    const before = people.all.map(({ returns }) => returns);
    expect(before).toEqual(before.map(() => 0));
    process.kill(lives()[1]!, 'SIGKILL');
    const inFlight = people.all.filter((person) => person.inFlight);
    expect(inFlight.length, 'publications in flight').toBeGreaterThan(0);
    await people.each(20, GRACE_MS);
    await expect.poll(() => lives().length, { timeout: 60_000 }).toBe(4);
    await people.each(5, GRACE_MS);
    expect(people.all.filter(({ returns }) => returns > 0).length, 'clients of that worker').toBeGreaterThan(
      0,
    );
    await people.verify();
    expect(people.all.map(({ client }) => client.session)).toEqual(sessions);
  });
});
