import { type MemberNotice, type NodeMessage, channelTopic } from '../../ports/broker.ts';
import type { SharedMembers } from '../../ports/members.ts';
import { type MemberModel, countOf, enter, heldBy, occupy, page, quit, vacate } from './member-model.ts';

/** The list that several nodes share, in one process. */
export type MemberStore = {
  /** As it is at the moment: replaced where it was lost. */
  model(): MemberModel;
  /** Another one where what the model held may be lost. */
  incarnation(): number;
  publish(topic: string, message: NodeMessage): void;
  /** Carries out a step on the model, when and if the line to it does. */
  run<T>(step: () => T): Promise<T>;
};

type Held = { readonly users: Set<string>; occupied: boolean };

/** One of several nodes over the same model. */
export function createSharedMemoryMembers(store: MemberStore, node: string): SharedMembers {
  /** What this node holds: the model may lose it. */
  const held = new Map<string, Held>();
  /** Whom the model may have taken without this node having been told so. */
  const joining = new Set<string>();
  let incarnation = store.incarnation();

  function heldIn(channel: string): Held {
    const there = held.get(channel) ?? { users: new Set<string>(), occupied: false };
    held.set(channel, there);
    return there;
  }

  function letGo(channel: string, change: (at: Held) => void): void {
    const at = held.get(channel);
    if (at === undefined) return;
    change(at);
    if (at.users.size === 0 && !at.occupied) held.delete(channel);
  }

  function tell(notice: MemberNotice | undefined): void {
    if (notice !== undefined) store.publish(channelTopic(notice.channel), notice);
  }

  function sweepHere(dead: string, limit: number): { gone: number; vacated: string[] } {
    const model = store.model();
    const vacated: string[] = [];
    let gone = 0;
    for (const { channel, users, occupied } of [...heldBy(model, dead)]) {
      for (const user of users) {
        if (gone === limit) return { gone, vacated };
        gone++;
        tell(quit(model, channel, user, dead));
      }
      if (!occupied) continue;
      if (gone === limit) return { gone, vacated };
      gone++;
      if (vacate(model, channel, dead)) vacated.push(channel);
    }
    return { gone, vacated };
  }

  function restoreHere(): void {
    const wasLost = incarnation !== store.incarnation();
    incarnation = store.incarnation();
    const model = store.model();
    for (const [channel, { users, occupied }] of held) {
      if (occupied) occupy(model, channel, node);
      for (const user of users) {
        const notice = enter(model, channel, user, node);
        if (!wasLost) tell(notice);
      }
    }
    // An older copy holds users who have left since.
    for (const { channel, users, occupied } of [...heldBy(model, node)]) {
      const at = held.get(channel);
      if (occupied && at?.occupied !== true && !joining.has(`\n${channel}`)) vacate(model, channel, node);
      for (const user of users) {
        if (at?.users.has(user) === true || joining.has(`${user}\n${channel}`)) continue;
        const notice = quit(model, channel, user, node);
        if (!wasLost) tell(notice);
      }
    }
  }

  async function whileJoining<T>(about: string, work: () => Promise<T>): Promise<T> {
    joining.add(about);
    try {
      return await work();
    } finally {
      joining.delete(about);
    }
  }

  return {
    join: (channel, user) =>
      whileJoining(`${user}\n${channel}`, async () => {
        await store.run(() => tell(enter(store.model(), channel, user, node)));
        heldIn(channel).users.add(user);
      }),
    leave(channel, user) {
      // At once: what is put back from here on is put back without them.
      letGo(channel, ({ users }) => users.delete(user));
      return store.run(() => tell(quit(store.model(), channel, user, node)));
    },
    page: (channel, after, limit) => store.run(() => page(store.model(), channel, after, limit)),
    count: (channel) => store.run(() => countOf(store.model(), channel)),
    occupied(channel) {
      return whileJoining(`\n${channel}`, async () => {
        const isFirst = await store.run(() => occupy(store.model(), channel, node));
        heldIn(channel).occupied = true;
        return isFirst;
      });
    },
    vacated(channel) {
      letGo(channel, (at) => {
        at.occupied = false;
      });
      return store.run(() => vacate(store.model(), channel, node));
    },
    sweepNode: (dead, limit) => store.run(() => sweepHere(dead, limit)),
    restore: () => store.run(restoreHere),
  } satisfies SharedMembers;
}
