import { replayTexts } from '../../core/channel/channel-messages.ts';
import { type OutboundFrame, controlFrame } from '../../core/outbox/frame.ts';
import type { Publication } from '../../ports/log.ts';
import type { HubChannel } from '../link-state.ts';

/** UTF-16 units of one `ps` message: large enough to be cheap, small enough that a slow line shows progress. */
const REPLAY_FRAME_UNITS = 64 * 1024;

/**
 * Replays that a channel keeps for the next who missed the same. Everybody comes back at once after a restart, and most
 * left at the same position.
 */
const REPLAYS_KEPT = 4;

/** A replay that was made before, of everything between two offsets of the channel's present epoch. */
export function keptReplay(
  channel: HubChannel,
  from: number,
  to: number,
): readonly OutboundFrame[] | undefined {
  return channel.replays.get(`${from}:${to}`);
}

/** The frames of a replay, kept while nothing is published on the channel. */
export function makeReplay(
  channel: HubChannel,
  from: number,
  to: number,
  publications: readonly Publication[],
): readonly OutboundFrame[] {
  const frames = replayTexts(channel.json, publications, REPLAY_FRAME_UNITS).map(controlFrame);
  // Whoever began at a time may lack some: after the clock was set back, one between others may be older.
  const isWhole = publications.length === to - from;
  if (isWhole && channel.feed !== null && channel.feed.next === to + 1) {
    for (const oldest of channel.replays.keys()) {
      if (channel.replays.size < REPLAYS_KEPT) break;
      channel.replays.delete(oldest);
    }
    channel.replays.set(`${from}:${to}`, frames);
  }
  return frames;
}
