import type { ChannelUpMessage, Publish } from '@carillon/protocol';
import type { Matched } from '../../core/channel/patterns.ts';
import { type NodeContext, sendControl, sendError } from '../context.ts';
import { type LinkState, type LocalSession, isClosed } from '../link-state.ts';
import { RETRY_UNAVAILABLE_MS } from '../retry.ts';
import type { Asking } from './asking-face.ts';
import type { ChannelParts } from './channel-parts.ts';
import { inLane } from './lanes.ts';
import { draftOf } from './draft.ts';
import type { Publisher, PublishResult } from './publishing.ts';
import { readHistory, readMembers, readPage } from './reading.ts';
import { rightToPublish } from './rights.ts';
import type { ServingCalls } from './serving-calls.ts';
import { soon } from './soon.ts';
import { subscribe, unsubscribe } from './subscribing.ts';
import type { TicketDesk } from './tickets.ts';

/** What a client asks of channels and calls. */
export type ChannelRequests = {
  handle(link: LinkState, session: LocalSession, message: ChannelUpMessage): void;
};

export function createChannelRequests(
  context: NodeContext,
  parts: ChannelParts,
  publisher: Publisher,
  calls: ServingCalls,
  asking: Asking,
  desk: TicketDesk,
): ChannelRequests {
  function handle(link: LinkState, session: LocalSession, message: ChannelUpMessage): void {
    switch (message.t) {
      case 'call':
        return calls.serve(link, session, message);
      case 'cancel':
        return calls.cancel(link, session, message);
      case 're':
        return asking.reply(link, session, message);
      default:
        return onChannel(link, session, message);
    }
  }

  function onChannel(
    link: LinkState,
    session: LocalSession,
    message: Exclude<ChannelUpMessage, { t: 'call' | 'cancel' | 're' }>,
  ): void {
    const matched = parts.patterns.match(message.c);
    if (!matched.ok) return sendError(context, link, matched.code, matched.detail, message.i);
    inLane(context, link, message.c, message.i, () => {
      switch (message.t) {
        case 'sub':
          return subscribe(context, parts, link, session, message, matched);
        case 'ticket':
          return desk.answer(link, session, message, matched);
        case 'unsub':
          return unsubscribe(context, parts, link, session, message);
        case 'upd':
          return parts.documents.update(link, session, message);
        case 'doc':
          return parts.documentService.handle(link, session, message);
        case 'aw':
          return parts.awareness.take(link, session, message);
        case 'pub':
          return publish(link, session, message, matched);
        case 'hist':
          return readHistory(context, parts, link, session, message, matched);
        case 'page':
          return readPage(context, parts, link, session, message, matched);
        case 'members':
          return readMembers(context, parts, link, session, message);
      }
    });
  }

  function publish(
    link: LinkState,
    session: LocalSession,
    message: Publish,
    matched: Matched,
  ): void | Promise<void> {
    if ((message.e === undefined) !== (message.o === undefined))
      return sendError(context, link, 'bad_message', 'e and o go together', message.i);
    return soon(rightToPublish(context, parts.roles, session, message.c, matched), (right) => {
      // Whoever was asked took their time: the session may be over, and what it may do with it.
      if (context.sessions.get(session.id) !== session) return undefined;
      if (!right.ok) {
        const retryAfterMs = right.code === 'unavailable' ? RETRY_UNAVAILABLE_MS : undefined;
        return sendError(context, link, right.code, right.detail, message.i, retryAfterMs);
      }
      return soon(publisher.publish(draftOf(message, session.user, session.id), matched), (result) =>
        answer(link, message, result),
      );
    });
  }

  function answer(link: LinkState, { i }: Publish, result: PublishResult): void {
    if (isClosed(link)) return;
    if (!result.ok) {
      const { code, detail, retryAfterMs, path, top } = result;
      context.ports.telemetry.error(code);
      sendControl(context, link, {
        t: 'err',
        code,
        m: detail.slice(0, 512),
        ...(i === undefined ? {} : { i }),
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        ...(path === undefined ? {} : { path: path.slice(0, 256) }),
        ...(top === undefined ? {} : { e: top.epoch, o: top.offset }),
      });
      return;
    }
    if (i === undefined) return;
    const { position, duplicate, outdated } = result;
    sendControl(context, link, {
      t: 'ok',
      i,
      ...(position === null ? {} : { e: position.epoch, o: position.offset }),
      ...(duplicate ? { dup: true } : {}),
      ...(outdated ? { old: true } : {}),
    });
  }

  return { handle };
}
