import { ownPublicationText, publicationText } from '../../core/channel/channel-messages.ts';
import { type OutboundFrame, channelFrame, controlFrame } from '../../core/outbox/frame.ts';
import type { PublicationNotice } from '../../ports/broker.ts';
import type { Position, Publication } from '../../ports/log.ts';
import type { NodeContext } from '../context.ts';
import type { Documents } from '../documents/documents.ts';
import type { HubChannel } from '../link-state.ts';

/** Publications kept behind a replay that is being read; beyond it the log is read once more. */
const MAX_BUFFERED = 1_000;

/** To whom of this node what happens in a channel goes. */
export type Delivery = {
  /** The channel's next publication: to everybody who is subscribed, or about to be. */
  deliver(channel: HubChannel, notice: PublicationNotice): void;
  /** Publications are gone that nobody can read any more: everyone is told, at this very place in the order. */
  tellGap(channel: HubChannel, why: 'epoch' | 'dropped', top: Position): void;
};

/** @param documents told of each publication of a document, and of each gap, before anybody is sent it */
export function createDelivery(
  context: NodeContext,
  documents: Pick<Documents, 'delivered' | 'lost'>,
): Delivery {
  const { clock, telemetry } = context.ports;
  /** When the events happened whose publications this turn hands to sockets. */
  let eventTimes: number[] = [];

  /** Told behind the flush of this turn, which was deferred before. */
  function noteEvent(eventMs: number): void {
    if (eventTimes.length === 0) clock.defer(tellEvents);
    eventTimes.push(eventMs);
  }

  function tellEvents(): void {
    const nowMs = clock.nowMs();
    const times = eventTimes;
    eventTimes = [];
    // The clock of whoever saw the event may be ahead of this one.
    for (const eventMs of times) telemetry.feedDelivered(Math.max(0, nowMs - eventMs));
  }

  function tellGap(channel: HubChannel, why: 'epoch' | 'dropped', top: Position): void {
    const text = `{"t":"gap","c":${channel.json},"why":"${why}","e":${JSON.stringify(top.epoch)},"o":${top.offset}}`;
    const frame = controlFrame(text);
    if (channel.spec.kind === 'document') documents.lost(channel);
    channel.replays.clear();
    for (const subscription of channel.subscriptions) {
      const { state } = subscription;
      if (state.name === 'joining') state.lost = true;
      if (state.name !== 'live') continue;
      // It joined behind that: a client that knows it takes no notice, and would never ask to be sent more.
      if (why === 'dropped' && state.from >= top.offset) continue;
      telemetry.gap(why);
      context.flusher.send(state.link, frame);
      // Of a map nothing counts any more, and publications alone do not make it whole: the client reads it anew.
      if (channel.spec.kind === 'map') subscription.state = { name: 'stalled', link: state.link };
      else subscription.state = { name: 'live', link: state.link, from: 0 };
    }
  }

  function deliver(channel: HubChannel, notice: PublicationNotice): void {
    const { publication, silent, eventMs } = notice;
    const { offset, key } = publication;
    if (channel.spec.kind === 'document') documents.delivered(channel, notice);
    const frame = channelFrame(channel, key, offset, publicationText(channel.json, publication));
    if (channel.replays.size > 0) channel.replays.clear();
    let told = 0;
    for (const subscription of channel.subscriptions) {
      const { state } = subscription;
      if (state.name === 'live') {
        // Up to there its replay has told it already.
        if (offset <= state.from) continue;
        told++;
        context.flusher.send(
          state.link,
          silent !== null && silent.session === subscription.session.id
            ? own(channel, publication, silent.request)
            : frame,
        );
      } else if (state.name === 'joining') {
        if (state.buffer.length < MAX_BUFFERED) {
          const isOwn = silent !== null && silent.session === subscription.session.id;
          state.buffer.push({ offset, frame: isOwn ? own(channel, publication, silent.request) : frame });
        } else state.lost = true;
      }
    }
    telemetry.publication(channel.spec.kind, told);
    if (eventMs !== null && told > 0) noteEvent(eventMs);
  }

  /** With the key that it set: only what sets that key again may take its place, for the client alone has the value. */
  function own(channel: HubChannel, { key, offset }: Publication, request: number | null): OutboundFrame {
    return channelFrame(channel, key, offset, ownPublicationText(channel.json, offset, request));
  }

  return { deliver, tellGap };
}
