import type { NodeContext } from '../context.ts';
import type { Subscription } from '../link-state.ts';
import type { MemberTelling } from './member-telling.ts';
import type { UserVisibility } from './user-visibility.ts';

/** Which users are in the channels by this node's sessions ([MEM1]): the first and the last are told to the other nodes. */
export type MemberList = {
  /** A subscription begins. Its user is counted once it is known that they are seen. */
  come(subscription: Subscription): void;
  go(subscription: Subscription): void;
  /** A user came into sight, or went out of it. */
  seen(user: string, visible: boolean): void;
};

export function createMemberList(
  context: NodeContext,
  telling: MemberTelling,
  visibility: () => UserVisibility,
): MemberList {
  const { members: list, telemetry } = context.ports;

  function tell(channel: string, user: string, present: boolean): void {
    // Ids hold no control characters ([LIM4]).
    telling.set(`${user}\n${channel}`, present, (now) => {
      const told = now ? list.join(channel, user) : list.leave(channel, user);
      return told instanceof Promise ? told : undefined;
    });
  }

  function count(subscription: Subscription): void {
    const { channel, session } = subscription;
    if (channel.members === null || subscription.member) return;
    subscription.member = true;
    const before = channel.members.get(session.user) ?? 0;
    channel.members.set(session.user, before + 1);
    if (before === 0) tell(channel.name, session.user, true);
  }

  function discount(subscription: Subscription): void {
    const { channel, session } = subscription;
    const { members } = channel;
    if (members === null || !subscription.member) return;
    subscription.member = false;
    const left = (members.get(session.user) ?? 1) - 1;
    if (left > 0) {
      members.set(session.user, left);
      return;
    }
    members.delete(session.user);
    tell(channel.name, session.user, false);
  }

  function* subscriptionsOf(user: string): Generator<Subscription> {
    for (const session of context.sessionsOf.get(user) ?? [])
      yield* session.channels?.subscriptions.values() ?? [];
  }

  return {
    come(subscription) {
      if (subscription.channel.members === null || subscription.member) return;
      const { user } = subscription.session;
      const visible = visibility().of(user);
      if (visible === true) count(subscription);
      if (!(visible instanceof Promise)) return;
      visible.then(
        () => {
          // It may have ended while that was being asked, and they may have gone out of sight again.
          if (visibility().known(user) && subscription.channel.subscriptions.has(subscription))
            count(subscription);
        },
        (error: unknown) => telemetry.warn('member_unknown', { error: String(error) }),
      );
    },
    go: discount,
    seen(user, visible) {
      for (const subscription of subscriptionsOf(user)) {
        if (visible) count(subscription);
        else discount(subscription);
      }
    },
  };
}
