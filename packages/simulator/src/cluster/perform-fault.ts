import { CHANNEL_WEIGHTS, performChannelEvent } from '../channels/channel-script.ts';
import { createRandom, type Random } from '../random.ts';
import { perform } from '../script/perform.ts';
import type { EventKind } from '../script/script.ts';
import type { ClusterNode } from './cluster-node.ts';
import {
  type ChannelKind,
  type ClusterScriptEvent,
  FAULT_WEIGHTS,
  type FaultKind,
} from './cluster-script.ts';
import type { ClusterWorld } from './cluster-world.ts';
import type { ComesBack } from './shared-store.ts';

/** The longest that the store hangs, ms. */
const LONGEST_HANG_MS = 90_000;

/** The longest that it is gone, ms. */
const LONGEST_STOP_MS = 20_000;

/** Makes one event of a script happen. */
export function performClusterEvent(world: ClusterWorld, event: ClusterScriptEvent): void {
  if (isFault(event.kind)) performFault(world, event.kind, createRandom(event.draw));
  else if (isOfChannels(event.kind)) performChannelEvent(world, { ...event, kind: event.kind });
  else perform(world, { ...event, kind: event.kind satisfies EventKind });
}

function isOfChannels(kind: string): kind is ChannelKind {
  return Object.hasOwn(CHANNEL_WEIGHTS, kind);
}

export function isFault(kind: string): kind is FaultKind {
  return Object.hasOwn(FAULT_WEIGHTS, kind);
}

/** Faults after which nodes put back what the store forgot. */
const FORGETTING: readonly FaultKind[] = ['flushStore', 'emptyStore', 'olderStore'];

function performFault(world: ClusterWorld, kind: FaultKind, random: Random): void {
  const node = random.pick(world.nodes);
  // Not both at once: what a node that was cut off for long says of the time would be believed (docs/decisions/0008).
  if (FORGETTING.includes(kind)) for (const other of world.nodes) mend(world, other);
  switch (kind) {
    case 'killNode':
      node.restartAfterMs = downMs(random);
      return node.crash();
    case 'killTwo':
      return killTwo(world, node, random);
    case 'stopNode':
      node.restartAfterMs = downMs(random);
      return void node.shutDown(random.pick([0, 2_000, 20_000]));
    case 'cutNode':
      return cut(world, node);
    case 'mendNode':
      return world.nodes.forEach((other) => mend(world, other));
    case 'hangStore':
      return world.store.hang(random.whole(1_000, LONGEST_HANG_MS));
    case 'stopStore':
      return stop(world, random, 'as it was');
    case 'emptyStore':
      return stop(world, random, 'empty');
    case 'olderStore':
      return stop(world, random, 'older');
    case 'flushStore':
      return world.store.flush();
    case 'loseMessages':
      return loseMessages(world, random.pick([0.05, 0.3, 1]), random.whole(1_000, 20_000));
    case 'calmStore':
      return world.store.calm();
    case 'resumeElsewhere':
      return resumeElsewhere(world, random);
  }
}

/** Mostly as long as a restart takes, now and then until its sessions are swept. */
function downMs(random: Random): number {
  return random.chance(0.8) ? random.whole(0, 8_000) : random.whole(0, 150_000);
}

/** Clients that have just come from the one lose the other too. */
function killTwo({ nodes, time, owner }: ClusterWorld, first: ClusterNode, random: Random): void {
  const second = random.pick(nodes.filter((node) => node !== first));
  for (const node of [first, second]) node.restartAfterMs = downMs(random);
  first.crash();
  time.plan(random.whole(200, 4_000), owner, () => second.crash());
}

function cut({ troubles }: ClusterWorld, { line, life }: ClusterNode): void {
  if (line === null || life === null || line.isCut) return;
  line.cut();
  troubles.began(life);
}

export function mend({ troubles }: ClusterWorld, { line, life }: ClusterNode): void {
  if (line === null || life === null || !line.isCut) return;
  line.mend();
  troubles.ended(life);
}

function loseMessages({ time, owner, troubles, store }: ClusterWorld, part: number, forMs: number): void {
  store.loseMessages(part, forMs);
  const lost = {};
  troubles.began(lost);
  time.plan(forMs, owner, () => troubles.ended(lost));
}

function stop({ store }: ClusterWorld, random: Random, back: ComesBack): void {
  store.stop(random.pick([0, random.whole(0, 3_000), LONGEST_STOP_MS]), back);
}

/** How long after a client went elsewhere what it had sent before still arrives, ms. */
const ARRIVES_LATE_MS = 3_000;

/** A client comes by another node, while its old connection is still believed in, and what it sent on that still arrives. */
export function resumeElsewhere(world: ClusterWorld, random: Random): void {
  const { clients, time, owner } = world;
  const client = random.pick(clients);
  const { line } = client;
  if (line === null || !client.wants) return;
  // The node that had it is not always told that it went elsewhere.
  if (random.chance(0.4)) loseMessages(world, 1, ARRIVES_LATE_MS);
  line.stall();
  client.set({ a: `late ${random.whole(0, 9)}` });
  client.reload();
  time.plan(random.whole(0, ARRIVES_LATE_MS), owner, () => line.mend());
  time.plan(random.whole(0, ARRIVES_LATE_MS), owner, () => {
    if (client.wants) client.set({ a: `since ${random.whole(0, 9)}` });
  });
}
