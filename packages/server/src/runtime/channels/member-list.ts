import { addKey, removeKey } from '../../core/channel/key-order.ts';
import { channelTopic } from '../../ports/broker.ts';
import type { NodeContext } from '../context.ts';
import type { HubChannel, Subscription } from '../link-state.ts';
import { type NamePage, pageOf } from './name-page.ts';
import type { UserVisibility } from './user-visibility.ts';

/** A page of the users in a channel, in their order. */
export function pageOfMembers(
  { members, memberOrder }: HubChannel,
  after: string | null,
  limit: number,
): NamePage {
  return pageOf(memberOrder, after, limit, (user) => members?.has(user) === true);
}

/** Who is in the channels of this node ([MEM1]). */
export type MemberList = {
  /** A subscription begins. Its user is counted once it is known that they are seen. */
  come(subscription: Subscription): void;
  go(subscription: Subscription): void;
  /** A user came into sight, or went out of it. */
  seen(user: string, visible: boolean): void;
};

export function createMemberList(context: NodeContext, visibility: () => UserVisibility): MemberList {
  const { broker, telemetry } = context.ports;

  function tell(channel: HubChannel, user: string, joined: boolean): void {
    const notice = { kind: 'member', channel: channel.name, user, joined } as const;
    broker.publish(channelTopic(channel.name), notice)?.catch((error: unknown) => {
      telemetry.warn('member_notice_failed', { channel: channel.name, error: String(error) });
    });
  }

  function count(subscription: Subscription): void {
    const { channel, session } = subscription;
    if (channel.members === null || subscription.member) return;
    subscription.member = true;
    const before = channel.members.get(session.user) ?? 0;
    channel.members.set(session.user, before + 1);
    if (before > 0) return;
    addKey(channel.memberOrder, session.user);
    tell(channel, session.user, true);
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
    removeKey(channel.memberOrder, (user) => members.has(user));
    tell(channel, session.user, false);
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
