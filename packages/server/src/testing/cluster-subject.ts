import type { PresenceMessage } from '../ports/broker.ts';
import type { Cluster, Renewal } from '../ports/cluster.ts';
import type { PresenceStore } from '../ports/presence.ts';
import type { CreateResult, ResumeResult, SessionRecord, SharedSessionStore } from '../ports/sessions.ts';

/** One node's ends of the stores that all share. */
export type ClusterNodeSubject = {
  readonly cluster: Cluster;
  readonly sessions: SharedSessionStore;
  readonly presence: PresenceStore;
  /** The cluster's clock as this node has it since its last renewal, ms since the epoch. */
  nowMs(): number;
  /** That less the time in which no node renewed: what absence is measured by. */
  steadyMs(): number;
};

/** Stores that several nodes share, in a time that only the test lets pass. */
export type ClusterSubject = {
  /** How long a session waits for its client, and how long a lapsed lease is waited for, ms. */
  readonly graceMs: number;
  /** Another node, under a name of its own; it has not renewed yet. */
  start(): Promise<ClusterNodeSubject>;
  /** Lets time pass, for the store and for every node. */
  pass(ms: number): Promise<void>;
  /** The presence of alice, bob, carol and dave as it was published since this was last asked, in its order. */
  published(): Promise<readonly PresenceMessage[]>;
  /** Statuses over HTTP of which nodes were told since this was last asked that others have them: `node user device`. */
  replaced(): Promise<readonly string[]>;
  close(): Promise<void>;
};

/** Stores that can lose everything. */
export type LosableClusterSubject = ClusterSubject & {
  /** The store forgets everything, and serves on. */
  lose(): Promise<void>;
  /** The store has everything, and yet no node can know that: another server took over, or it was started again. */
  replace(): Promise<void>;
  /** Ms after a renewal that found the store empty within which every node has compared what it put back. */
  readonly settleMs: number;
};

/** Sessions of one user, more than any test makes. */
const MOST = 64;

/** A session of the node, with its device joined. */
export async function logIn(
  node: ClusterNodeSubject,
  user: string,
  id: string,
  device = `device-of-${id}`,
  s: 'Online' | 'Busy' | 'Away' = 'Online',
): Promise<CreateResult> {
  const record: SessionRecord = {
    id,
    user,
    device,
    node: node.cluster.node,
    generation: 1,
    tokenHash: `hash-${id}-1`,
    previousTokenHash: null,
    detachedAtMs: null,
  };
  const created = await node.sessions.create(record, MOST);
  await node.presence.join(user, device, { kind: 'session', session: id, generation: 1 }, { s, fields: {} });
  return created;
}

/** Goes on with a session on a node, its device joined by the new generation. */
export async function resumeOn(
  node: ClusterNodeSubject,
  user: string,
  id: string,
  generation: number,
): Promise<ResumeResult> {
  const result = await node.sessions.resume({
    user,
    tokenHash: `hash-${id}-${generation - 1}`,
    nextTokenHash: `hash-${id}-${generation}`,
    node: node.cluster.node,
    nowMs: node.steadyMs(),
  });
  if (result.ok) {
    const { device } = result.session;
    await node.presence.join(user, device, { kind: 'session', session: id, generation }, { fields: {} });
  }
  return result;
}

/** Sets a status over HTTP that holds until `expiresAtMs`. */
export async function setStatus(
  node: ClusterNodeSubject,
  user: string,
  device: string,
  expiresAtMs: number,
): Promise<void> {
  await node.presence.join(user, device, { kind: 'lease', expiresAtMs }, { s: 'Busy', fields: {} });
}

/** Lets time pass in which these nodes renew as they should, and the others do not. */
export async function passRenewing(
  subject: ClusterSubject,
  ms: number,
  ...nodes: readonly ClusterNodeSubject[]
): Promise<Renewal | undefined> {
  let renewal: Renewal | undefined;
  let leftMs = ms;
  while (leftMs > 0) {
    const leaseMs = nodes[0]?.cluster.leaseMs ?? leftMs;
    const stepMs = Math.min(leftMs, Math.floor(leaseMs / 3));
    await subject.pass(stepMs);
    for (const node of nodes) renewal = await node.cluster.renew();
    leftMs -= stepMs;
  }
  return renewal;
}

/** Sweeps until nothing is left, as the runtime does. */
export async function sweepAll(
  sweeper: ClusterNodeSubject,
  dead: string,
  limit = 100,
): Promise<{ readonly ended: number; readonly calls: number; readonly leases: readonly string[] }> {
  let ended = 0;
  const leases: string[] = [];
  for (let calls = 1; ; calls++) {
    const swept = await sweeper.cluster.sweep(dead, limit);
    ended += swept.ended;
    for (const { user, device } of swept.leases) leases.push(`${user} ${device}`);
    if (swept.holders === 0) return { ended, calls, leases };
  }
}

/** What a user looks like, and what was said last of them, in short. */
export async function seen(node: ClusterNodeSubject, user: string): Promise<string> {
  const [record] = await node.presence.read([user]);
  return record === undefined ? 'nobody' : `${record.user} ${record.s}`;
}

export function told(messages: readonly PresenceMessage[]): readonly string[] {
  return messages.map(({ record }) => `${record.user} ${record.s}`);
}
