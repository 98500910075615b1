import { type Broker, type MemberNotice, channelTopic } from '../../ports/broker.ts';
import type { Members, SharedMembers } from '../../ports/members.ts';
import {
  type MemberModel,
  countOf,
  createMemberModel,
  enter,
  heldBy,
  occupy,
  page,
  quit,
  vacate,
} from './member-model.ts';

/** The name of a node that has no others. */
const ALONE = '';

/** Who is in the channels of a single node. Everything is answered at once. */
export function createMemoryMembers(
  broker: Broker,
  model: MemberModel = createMemberModel(),
  node: string = ALONE,
): Members {
  return {
    join: (channel, user) => tell(broker, enter(model, channel, user, node)),
    leave: (channel, user) => tell(broker, quit(model, channel, user, node)),
    page: (channel, after, limit) => page(model, channel, after, limit),
    count: (channel) => countOf(model, channel),
    occupied: (channel) => occupy(model, channel, node),
    vacated: (channel) => vacate(model, channel, node),
  } satisfies Members;
}

/** One of several nodes over the same model. */
export function createSharedMemoryMembers(broker: Broker, model: MemberModel, node: string): SharedMembers {
  const members = createMemoryMembers(broker, model, node);
  /** What this node holds: the model may lose it. */
  const held = new Map<string, { readonly users: Set<string>; occupied: boolean }>();
  let losses = model.losses;

  function heldIn(channel: string): { readonly users: Set<string>; occupied: boolean } {
    const there = held.get(channel) ?? { users: new Set<string>(), occupied: false };
    held.set(channel, there);
    return there;
  }

  function letGo(channel: string): void {
    const there = held.get(channel);
    if (there !== undefined && there.users.size === 0 && !there.occupied) held.delete(channel);
  }

  return {
    ...members,
    join(channel, user) {
      heldIn(channel).users.add(user);
      return members.join(channel, user);
    },
    leave(channel, user) {
      held.get(channel)?.users.delete(user);
      letGo(channel);
      return members.leave(channel, user);
    },
    occupied(channel) {
      heldIn(channel).occupied = true;
      return members.occupied(channel);
    },
    vacated(channel) {
      const there = held.get(channel);
      if (there !== undefined) there.occupied = false;
      letGo(channel);
      return members.vacated(channel);
    },
    async sweepNode(dead, limit) {
      let gone = 0;
      const vacated: string[] = [];
      for (const { channel, users, occupied } of [...heldBy(model, dead)]) {
        for (const user of users) {
          if (gone >= limit) return { gone, vacated };
          gone++;
          await tell(broker, quit(model, channel, user, dead));
        }
        if (!occupied) continue;
        if (gone >= limit) return { gone, vacated };
        gone++;
        if (vacate(model, channel, dead)) vacated.push(channel);
      }
      return { gone, vacated };
    },
    async restore() {
      const wasLost = losses !== model.losses;
      losses = model.losses;
      for (const [channel, { users, occupied }] of held) {
        if (occupied) occupy(model, channel, node);
        for (const user of users) {
          const notice = enter(model, channel, user, node);
          if (!wasLost) await tell(broker, notice);
        }
      }
    },
  } satisfies SharedMembers;
}

/** The broker forgets: what it refuses is found by the versions. */
function tell(broker: Broker, notice: MemberNotice | undefined): undefined {
  if (notice === undefined) return;
  broker.publish(channelTopic(notice.channel), notice)?.catch(() => undefined);
}
