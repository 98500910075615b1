import { DEFAULT_PAGE_SIZE, type ErrorCode, type History, type Members, type Page } from '@carillon/protocol';
import { entryText, itemText } from '../../core/channel/channel-messages.ts';
import type { Matched } from '../../core/channel/patterns.ts';
import { controlFrame } from '../../core/outbox/frame.ts';
import { type NodeContext, sendControl, sendError } from '../context.ts';
import { type LinkState, type LocalSession, isClosed } from '../link-state.ts';
import { RETRY_UNAVAILABLE_MS } from '../retry.ts';
import type { ChannelParts } from './channel-parts.ts';
import { logOf } from './log-of.ts';
import { rightToSubscribe } from './rights.ts';

/**
 * Whether the session may read the channel: whoever may subscribe to it. Answers the request where it may not.
 *
 * @returns false where it was answered, or nobody waits for the answer any more
 */
async function mayRead(
  context: NodeContext,
  { roles }: Pick<ChannelParts, 'roles'>,
  link: LinkState,
  session: LocalSession,
  matched: Matched,
  { c, i }: History | Page,
): Promise<boolean> {
  const held = session.channels?.subscriptions.get(c)?.right;
  const result = await rightToSubscribe(context, roles, session, c, matched, undefined, held);
  if (isClosed(link)) return false;
  if (result.ok) return true;
  const retryAfterMs = result.code === 'unavailable' ? RETRY_UNAVAILABLE_MS : undefined;
  sendError(context, link, result.code, result.detail, i, retryAfterMs);
  return false;
}

/** A client's `hist` ([REC7]). */
export async function readHistory(
  context: NodeContext,
  parts: ChannelParts,
  link: LinkState,
  session: LocalSession,
  message: History,
  matched: Matched,
): Promise<void> {
  const { spec } = matched;
  if (spec.kind === 'signal')
    return sendError(context, link, 'kind_mismatch', 'a signal has no history', message.i);
  if (message.e !== undefined && message.o === undefined)
    return sendError(context, link, 'bad_message', 'e goes with o', message.i);
  if (!(await mayRead(context, parts, link, session, matched, message))) return;
  const query = {
    offset: message.o ?? null,
    reverse: message.rev === true,
    limit: message.n ?? DEFAULT_PAGE_SIZE,
    sinceMs: null,
  };
  const page = await logOf(context, spec).history(
    message.c,
    query,
    spec.retention,
    context.ports.clock.nowMs(),
  );
  if (isClosed(link)) return;
  const { epoch, offset } = page.top;
  if (message.e !== undefined && message.e !== epoch) {
    sendControl(context, link, conflict(message.i, epoch, offset, 'the epoch is over'));
    return;
  }
  const head = JSON.stringify({ t: 'ok', i: message.i, e: epoch, o: offset, more: page.more });
  const text = `${head.slice(0, -1)},"ps":[${page.publications.map(itemText).join(',')}]}`;
  context.flusher.send(link, controlFrame(text));
}

function conflict(i: number, e: string, o: number, m: string): object {
  const code: ErrorCode = 'conflict';
  return { t: 'err', code, m, i, e, o };
}

/** A client's `page` ([MAP1]). */
export async function readPage(
  context: NodeContext,
  parts: ChannelParts,
  link: LinkState,
  session: LocalSession,
  message: Page,
  matched: Matched,
): Promise<void> {
  const { spec } = matched;
  if (spec.kind !== 'map')
    return sendError(context, link, 'kind_mismatch', 'only maps have entries', message.i);
  if (!(await mayRead(context, parts, link, session, matched, message))) return;
  const page = await logOf(context, spec).entries(
    message.c,
    message.k ?? null,
    message.n ?? DEFAULT_PAGE_SIZE,
  );
  if (isClosed(link)) return;
  const { epoch, offset } = page.top;
  const head = JSON.stringify({
    t: 'ok',
    i: message.i,
    e: epoch,
    o: offset,
    ...(page.next === null ? {} : { next: page.next }),
  });
  const text = `${head.slice(0, -1)},"es":[${page.entries.map(entryText).join(',')}]}`;
  context.flusher.send(link, controlFrame(text));
}

/** A client's `members` ([MEM1]). */
export async function readMembers(
  context: NodeContext,
  parts: ChannelParts,
  link: LinkState,
  session: LocalSession,
  message: Members,
): Promise<void> {
  if (session.channels?.subscriptions.has(message.c) !== true)
    return sendError(
      context,
      link,
      'not_subscribed',
      'only who is in a channel may ask who else is',
      message.i,
    );
  const channel = parts.hub.get(message.c);
  if (channel === undefined || channel.memberFeed === null)
    return sendError(
      context,
      link,
      'kind_mismatch',
      'the contract declares no members of this channel',
      message.i,
    );
  const limit = message.n ?? DEFAULT_PAGE_SIZE;
  const { users, next } = await context.ports.members.page(message.c, message.k ?? null, limit);
  if (isClosed(link)) return;
  sendControl(context, link, {
    t: 'ok',
    i: message.i,
    ids: users,
    // Not the page's: behind this number each `join` and `leave` counts that comes from here on.
    n: channel.memberFeed.count,
    ...(next === null ? {} : { next }),
  });
}
