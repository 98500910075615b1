import type { Directory } from '../../src/ports/directory.ts';
import type { NodeMessage } from '../../src/ports/broker.ts';
import type { PresenceRecord, PresenceStore } from '../../src/ports/presence.ts';
import { storeUnavailable } from '../../src/ports/unavailable.ts';
import type { NodeSettings } from '../../src/runtime/node-options.ts';
import { scriptCluster } from './cluster/scripted-cluster.ts';
import { createHarness, type Harness } from './harness.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** A node that is one of many, whose messages a test may lose, and whose reads it sees. */
export type LossyNode = Harness & {
  /** Which messages do not come. */
  lose: (topic: string, message: NodeMessage) => boolean;
  /** Messages that were lost. */
  readonly lost: NodeMessage[];
  /** The users of each reading of presence. */
  readonly reads: (readonly string[])[];
  /** The viewers whose changes were asked for. */
  readonly asked: string[];
  /** What cannot be read. */
  away: 'presence' | 'changes' | null;
  /** What the presence store says in place of the truth. */
  readonly instead: Map<string, PresenceRecord>;
  /** Held until then: what is read of presence. */
  readHeld: Promise<void> | null;
  /** Held until then: subscriptions to users' presence. */
  subscribeHeld: Promise<void> | null;
  /** The line to the broker was down and stands again. */
  gap(): void;
};

export async function createLossyNode(
  follows: readonly (readonly [string, string])[],
  settings: Partial<NodeSettings> = {},
  alone = false,
): Promise<LossyNode> {
  let onGap: () => void = () => undefined;
  const wire: Omit<LossyNode, keyof Harness> = {
    lose: () => false,
    lost: [],
    reads: [],
    asked: [],
    away: null,
    instead: new Map(),
    readHeld: null,
    subscribeHeld: null,
    gap: () => onGap(),
  };
  /** What a test changes, once there is a node to change it on. */
  const made: { node: LossyNode | null } = { node: null };
  const current = () => made.node ?? wire;
  const harness = await createHarness({
    follows,
    settings: { heartbeatMs: 3_600_000, ...settings },
    ports: ({ broker, presence, directory, clock }) => ({
      cluster: alone ? null : scriptCluster(clock as VirtualClock),
      authorizer: { decide: () => ({ allow: true, untilMs: null }) },
      broker: {
        ...broker,
        async subscribe(topic) {
          if (topic.startsWith('presence:')) await current().subscribeHeld;
          await broker.subscribe(topic);
        },
        listen(listener, gap) {
          onGap = gap ?? onGap;
          broker.listen((topic, message) => {
            if (current().lose(topic, message)) wire.lost.push(message);
            else listener(topic, message);
          });
        },
      },
      presence: {
        ...presence,
        async read(users) {
          wire.reads.push(users);
          if (current().away === 'presence') throw storeUnavailable('out of reach');
          const records = await presence.read(users);
          await current().readHeld;
          return records.map((record) => wire.instead.get(record.user) ?? record);
        },
      } satisfies PresenceStore,
      directory: {
        ...directory,
        changesSince(viewer, at) {
          wire.asked.push(viewer);
          if (current().away === 'changes') return Promise.reject(storeUnavailable('out of reach'));
          return directory.changesSince(viewer, at);
        },
      } satisfies Directory,
    }),
  });
  made.node = Object.assign(harness, wire);
  return made.node;
}
