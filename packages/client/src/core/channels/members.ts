import type { Joined, Left, Members } from '@carillon/protocol';
import type { ChannelEvent, MembersPage } from './channel-events.ts';
import { enqueue } from './lanes.ts';
import { list } from './list.ts';
import type { Machine } from './machine.ts';
import { ask } from './reading.ts';
import type { Subscription } from './subscription.ts';

/** Tells how many are in the channel, where nobody is named. */
export function tellCount(machine: Machine, { channel }: Subscription, count: number): void {
  machine.effects.push({ do: 'member', channel, user: null, joined: true, count });
}

/** Somebody came in or left ([MEM1]). */
export function takeMember(machine: Machine, { t, c, id }: Joined | Left): void {
  const subscription = machine.subscriptions.get(c);
  if (subscription?.phase.name !== 'live') return;
  const joined = t === 'join';
  const count = Math.max(0, (subscription.count ?? 0) + (joined ? 1 : -1));
  subscription.count = count;
  machine.effects.push({ do: 'member', channel: c, user: id, joined, count });
}

/** Asks how many are in the channel: what was left out of what came may have been somebody who came or went. */
export function askCount(machine: Machine, subscription: Subscription): void {
  const { attempt, channel, count } = subscription;
  if (count === null) return;
  const isWanted = (): boolean => subscription.attempt === attempt;
  enqueue(machine, machine.requests, {
    text(_, i) {
      const message: Members = { t: 'members', i, c: channel, n: 1 };
      return isWanted() ? JSON.stringify(message) : null;
    },
    onOk(on, { n }) {
      if (!isWanted() || n === undefined || n === subscription.count) return;
      subscription.count = n;
      tellCount(on, subscription, n);
    },
  });
}

/** Asks for a page of who is in the channel. */
export function askMembers(machine: Machine, command: Extract<ChannelEvent, { type: 'members' }>): void {
  const { ticket, channel, after, limit } = command;
  ask(
    machine,
    ticket,
    (i) => {
      const message: Members = { t: 'members', i, c: channel, k: after, n: limit };
      return JSON.stringify(message);
    },
    ({ ids, n, next }): MembersPage => ({ ids: list(ids), count: n ?? 0, next: next ?? null }),
  );
}
