import {
  type MemberFeed,
  compareMembers,
  giveUp,
  newMemberFeed,
  settle,
  takeMember,
} from '../../core/channel/member-feed.ts';
import { channelFrame, controlFrame } from '../../core/outbox/frame.ts';
import type { MemberNotice } from '../../ports/broker.ts';
import type { MemberCount } from '../../ports/members.ts';
import type { NodeContext } from '../context.ts';
import type { HubChannel } from '../link-state.ts';

/** Tells a channel's clients who comes and goes on any node, and keeps how many that makes. */
export type MemberCounts = {
  /** The channel's topic is subscribed: reads how many are in it. Rejects where that cannot be read. */
  open(channel: HubChannel): Promise<void> | undefined;
  receive(channel: HubChannel, notice: MemberNotice): void;
  /** Compares what was told with the list. Never rejects. */
  compare(channel: HubChannel): Promise<void> | undefined;
};

/** @param isOpen whether the channel is still one of the hub's */
export function createMemberCounts(
  context: NodeContext,
  isOpen: (channel: HubChannel) => boolean,
): MemberCounts {
  const { members, telemetry } = context.ports;

  function tell(channel: HubChannel, { user, joined }: MemberNotice): void {
    const text = `{"t":"${joined ? 'join' : 'leave'}","c":${channel.json},"id":${JSON.stringify(user)}}`;
    const frame = channelFrame(channel, `member ${user}`, 0, text);
    for (const { state } of channel.subscriptions)
      if (state.name === 'live') context.flusher.send(state.link, frame);
  }

  /** Who counts behind the number that they were told has to ask for it again ([REC6]). */
  function tellMissed(channel: HubChannel): void {
    const frame = controlFrame(`{"t":"gap","c":${channel.json},"why":"dropped"}`);
    for (const { state } of channel.subscriptions) {
      if (state.name !== 'live') continue;
      telemetry.gap('dropped');
      context.flusher.send(state.link, frame);
    }
  }

  function counted(channel: HubChannel, feed: MemberFeed, top: MemberCount): Promise<void> | undefined {
    const { missed, tell: changes, again } = settle(feed, top);
    if (missed) tellMissed(channel);
    for (const notice of changes) tell(channel, notice);
    return again ? read(channel, feed) : undefined;
  }

  /** What comes meanwhile waits in the feed. Rejects where the list cannot be read. */
  function read(channel: HubChannel, feed: MemberFeed): Promise<void> | undefined {
    const top = members.count(channel.name);
    if (!(top instanceof Promise)) return counted(channel, feed, top);
    return top.then((later) => (isOpen(channel) ? counted(channel, feed, later) : undefined));
  }

  function readAgain(channel: HubChannel, feed: MemberFeed): Promise<void> | undefined {
    return read(channel, feed)?.catch((error: unknown) => {
      giveUp(feed);
      telemetry.warn('channel_read_failed', { channel: channel.name, error: String(error) });
    });
  }

  return {
    open(channel) {
      if (!channel.spec.members) return undefined;
      channel.memberFeed = newMemberFeed();
      return read(channel, channel.memberFeed);
    },
    receive(channel, notice) {
      const feed = channel.memberFeed;
      if (feed === null) return;
      switch (takeMember(feed, notice)) {
        case 'tell':
          return tell(channel, notice);
        case 'read':
          void readAgain(channel, feed);
          return;
        case 'nothing':
      }
    },
    compare(channel) {
      const feed = channel.memberFeed;
      if (feed === null || feed.waiting !== null) return undefined;
      const asked = feed.version;
      const compared = (top: MemberCount): Promise<void> | undefined =>
        compareMembers(feed, asked, top) ? readAgain(channel, feed) : undefined;
      const top = members.count(channel.name);
      if (!(top instanceof Promise)) return compared(top);
      return top.then(
        (later) => (isOpen(channel) ? compared(later) : undefined),
        (error: unknown) =>
          telemetry.warn('channel_read_failed', { channel: channel.name, error: String(error) }),
      );
    },
  };
}
