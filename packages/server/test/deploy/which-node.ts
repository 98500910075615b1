import type { ClusterNode, ClusterScene } from '../faults/cluster/cluster-scene.ts';
import { scrape } from '../wire/scene/server-metrics.ts';

/** Each node's own count of something, asked of the node itself and not of the balancer. */
async function counts(scene: ClusterScene, name: string, labels: string): Promise<readonly number[]> {
  return Promise.all(
    scene.nodes.map(async ({ process, isUp }) => (isUp ? (await scrape(process)).value(name, labels) : 0)),
  );
}

/** Does something, and says on which one node a counter rose meanwhile. Fails where it was none, or several. */
export async function nodeThatCounts<T>(
  scene: ClusterScene,
  [name, labels]: readonly [string, string],
  what: () => Promise<T>,
): Promise<{ readonly node: ClusterNode; readonly result: T }> {
  const before = await counts(scene, name, labels);
  const result = await what();
  const after = await counts(scene, name, labels);
  const risen = scene.nodes.filter((_, i) => after[i] !== before[i]);
  if (risen.length !== 1) throw new Error(`${name}${labels} rose on ${risen.length} nodes: ${String(after)}`);
  return { node: risen[0]!, result };
}

/** A login that begins a session, and one that goes on with it. */
export const FRESH = ['carillon_logins_total', '{result="fresh"}'] as const;
export const RESUMED = ['carillon_logins_total', '{result="resumed"}'] as const;
