import {
  type KeyOrder,
  addKey,
  createKeyOrder,
  keysBehind,
  removeKey,
} from '../../core/channel/key-order.ts';
import type { MemberNotice } from '../../ports/broker.ts';
import type { MemberCount, MembersPage } from '../../ports/members.ts';

/** A user of one node is no set: most are on one. */
type NodesOf = string | Set<string>;

type ModelChannel = {
  readonly users: Map<string, NodesOf>;
  readonly order: KeyOrder;
  /** Nodes that somebody is subscribed on. */
  readonly nodes: Set<string>;
  version: number;
};

/** Who is in the channels of all nodes that share it. Plain data, so that a copy is an older snapshot. */
export type MemberModel = { readonly channels: Map<string, ModelChannel>; lastVersion: number };

/** @param lastVersion where versions begin: above those of a model that was lost */
export function createMemberModel(lastVersion = 0): MemberModel {
  return { channels: new Map(), lastVersion };
}

/** @returns what is to be told; undefined where the user was in the channel already, by this node or another */
export function enter(
  model: MemberModel,
  channel: string,
  user: string,
  node: string,
): MemberNotice | undefined {
  const there = model.channels.get(channel) ?? newChannel(model, channel);
  const nodes = there.users.get(user);
  if (nodes === undefined) {
    there.users.set(user, node);
    addKey(there.order, user);
    return changed(model, there, channel, user, true);
  }
  if (typeof nodes !== 'string') nodes.add(node);
  else if (nodes !== node) there.users.set(user, new Set([nodes, node]));
  return undefined;
}

/** @returns what is to be told; undefined where the user is still there by another node, or was not by this one */
export function quit(
  model: MemberModel,
  channel: string,
  user: string,
  node: string,
): MemberNotice | undefined {
  const there = model.channels.get(channel);
  const nodes = there?.users.get(user);
  if (there === undefined || nodes === undefined) return undefined;
  if (typeof nodes === 'string') {
    if (nodes !== node) return undefined;
  } else {
    nodes.delete(node);
    if (nodes.size > 0) return undefined;
  }
  there.users.delete(user);
  removeKey(there.order, (name) => there.users.has(name));
  const notice = changed(model, there, channel, user, false);
  dropIfEmpty(model, channel, there);
  return notice;
}

export function page(model: MemberModel, channel: string, after: string | null, limit: number): MembersPage {
  const there = model.channels.get(channel);
  if (there === undefined) return { users: [], count: 0, next: null };
  const { keys, more } = keysBehind(there.order, after, limit, (name) => there.users.has(name));
  return { users: keys, count: there.users.size, next: more ? (keys.at(-1) ?? null) : null };
}

export function countOf(model: MemberModel, channel: string): MemberCount {
  const there = model.channels.get(channel);
  return there === undefined ? { count: 0, version: 0 } : { count: there.users.size, version: there.version };
}

/** @returns whether no other node had anybody subscribed */
export function occupy(model: MemberModel, channel: string, node: string): boolean {
  const { nodes } = model.channels.get(channel) ?? newChannel(model, channel);
  nodes.add(node);
  return nodes.size === 1;
}

/** @returns whether no other node has anybody subscribed */
export function vacate(model: MemberModel, channel: string, node: string): boolean {
  const there = model.channels.get(channel);
  if (there === undefined) return true;
  there.nodes.delete(node);
  dropIfEmpty(model, channel, there);
  return there.nodes.size === 0;
}

/** What a node holds of each channel. */
export function* heldBy(
  model: MemberModel,
  node: string,
): Generator<{ readonly channel: string; readonly users: readonly string[]; readonly occupied: boolean }> {
  for (const [channel, { users, nodes }] of model.channels) {
    const held: string[] = [];
    for (const [user, on] of users) if (typeof on === 'string' ? on === node : on.has(node)) held.push(user);
    const occupied = nodes.has(node);
    if (occupied || held.length > 0) yield { channel, users: held, occupied };
  }
}

function newChannel({ channels }: MemberModel, name: string): ModelChannel {
  const channel = {
    users: new Map<string, NodesOf>(),
    order: createKeyOrder(),
    nodes: new Set<string>(),
    version: 0,
  };
  channels.set(name, channel);
  return channel;
}

function dropIfEmpty({ channels }: MemberModel, name: string, { users, nodes }: ModelChannel): void {
  if (users.size === 0 && nodes.size === 0) channels.delete(name);
}

function changed(
  model: MemberModel,
  there: ModelChannel,
  channel: string,
  user: string,
  joined: boolean,
): MemberNotice {
  const prev = there.version;
  there.version = ++model.lastVersion;
  return { kind: 'member', channel, user, joined, version: there.version, prev };
}
