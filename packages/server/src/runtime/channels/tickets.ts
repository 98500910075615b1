import { isUserId, type TicketRequest } from '@carillon/protocol';
import type { Matched } from '../../core/channel/patterns.ts';
import { newRate } from '../../core/session/message-rate.ts';
import type { Ticket } from '../../ports/tickets.ts';
import { addFollower, type NodeContext, sendControl, sendError } from '../context.ts';
import { ConnectionLink } from '../link.ts';
import {
  isClosed,
  type LinkState,
  type LocalSession,
  newLink,
  newLocalSession,
  newPacing,
} from '../link-state.ts';
import { failed, invalidUser, run, succeed } from '../outcome.ts';
import { RETRY_UNAVAILABLE_MS } from '../retry.ts';
import type { ChannelParts } from './channel-parts.ts';
import type { TicketsApi } from './tickets-api.ts';
import { isByRole } from './beside.ts';
import { rightToSubscribe } from './rights.ts';
import { askRule, ownerOf } from './rule-rights.ts';

/** How long a ticket is good for a first use ([TKT1]). */
export const TICKET_USE_MS = 60_000;

export type TicketDesk = {
  readonly api: TicketsApi;
  /** A client's `ticket`. */
  answer(link: LinkState, session: LocalSession, message: TicketRequest, matched: Matched): Promise<void>;
};

export function createTicketDesk(context: NodeContext, parts: ChannelParts): TicketDesk {
  const { clock, secrets, tickets, grants, sessions, revocations, telemetry } = context.ports;
  const { maxGrantMs, messageRate } = context.settings;

  async function sign(
    user: string,
    channel: string,
    session: string | null,
    isByRule: boolean,
    untilMs: number,
  ): Promise<{ readonly ticket: string; readonly useByMs: number; readonly expiresAtMs: number }> {
    const nowMs = clock.nowMs();
    const expiresAtMs = Math.floor(Math.min(untilMs, nowMs + maxGrantMs));
    const useByMs = Math.min(nowMs + TICKET_USE_MS, expiresAtMs);
    const ticket = await tickets.sign({
      ...{ id: secrets.token(), user, channel, session, isByRule },
      ...{ issuedAtMs: nowMs, useByMs, expiresAtMs },
    });
    return { ticket, useByMs, expiresAtMs };
  }

  async function isAlive({ user, session, issuedAtMs }: Ticket): Promise<boolean> {
    if (session === null) return !revocations.isRevoked(user, null, issuedAtMs);
    return (await sessions.sessionsOf(user)).some(({ id }) => id === session);
  }

  const api: TicketsApi = {
    issue: async (user, channel, ttlMs) =>
      invalidUser(user) ??
      run(context, async () => {
        const matched = parts.patterns.match(channel);
        if (!matched.ok) return failed(matched.code, matched.detail);
        const unfit = unfitFor(matched);
        if (unfit !== undefined) return failed('kind_mismatch', unfit);
        const owner = ownerOf(matched);
        if (owner !== undefined && owner !== user)
          return failed('forbidden', 'the channel belongs to another user');
        if (!Number.isInteger(ttlMs) || ttlMs < 1 || ttlMs > maxGrantMs)
          return failed('bad_message', `ttlMs: a whole number from 1 to ${maxGrantMs}`);
        return succeed(await sign(user, channel, null, false, clock.nowMs() + ttlMs));
      }),
    redeem: (text, proof) =>
      run(context, async () => {
        const nowMs = clock.nowMs();
        const ticket = await tickets.verify(text, nowMs);
        if (ticket === null || !isUserId(ticket.user)) return failed('ticket_invalid', '');
        const its = tickets.proof(ticket.id);
        // Behind its first minute it is only for the one who was sent a stream for it: an address may be found in a log.
        if (nowMs >= ticket.useByMs && proof !== its) return failed('ticket_invalid', '');
        const matched = parts.patterns.match(ticket.channel);
        if (!matched.ok || unfitFor(matched) !== undefined) return failed('ticket_invalid', '');
        if (!(await isAlive(ticket))) return failed('ticket_invalid', '');
        const { user, channel, session } = ticket;
        let { expiresAtMs } = ticket;
        if (ticket.isByRule) {
          // What it said when the ticket was issued holds no longer than for whoever subscribes again.
          const asked = await askRule(context, { user, id: session ?? '' }, channel, matched, 'subscribe');
          if (!asked.ok) return asked.code === 'unavailable' ? asked : failed('ticket_invalid', '');
          expiresAtMs = Math.min(expiresAtMs, Math.floor(asked.right.untilMs ?? Infinity));
        }
        const grant = await grants.sign({ user, channel, expiresAtMs, role: null });
        return succeed({ ...ticket, proof: its, grant, isMap: matched.spec.kind === 'map' });
      }),
    async isGood(ticket) {
      if (ticket.expiresAtMs <= clock.nowMs()) return false;
      try {
        return await isAlive(ticket);
      } catch (error) {
        // The store is away: nobody loses a right by that. It is asked again.
        telemetry.warn('ticket_unchecked', { error: String(error) });
        return true;
      }
    },
    open(connection, { user, issuedAtMs }) {
      const link = newLink(connection, newRate(messageRate, clock.monotonicMs()));
      const session = newLocalSession(`ticket:${secrets.id()}`, user, '', 1, newPacing());
      session.isFollower = true;
      session.issuedAtMs = issuedAtMs;
      session.link = link;
      link.session = session;
      link.phase = 'live';
      context.links.add(link);
      context.sessions.set(session.id, session);
      addFollower(context, session);
      // What the app takes away is told there. Where it cannot be listened to, the right's end and the checks are left.
      context.topics.subscribeInbox(user)?.catch((error: unknown) => {
        telemetry.warn('ticket_inbox_failed', { error: String(error) });
      });
      telemetry.connectionOpened();
      return new ConnectionLink(context, link);
    },
  };

  return {
    api,
    async answer(link, session, { c, i }, matched) {
      const unfit = unfitFor(matched);
      if (unfit !== undefined) return sendError(context, link, 'kind_mismatch', unfit, i);
      const held = session.channels?.subscriptions.get(c)?.right;
      const result = await rightToSubscribe(context, parts.roles, session, c, matched, undefined, held);
      if (isClosed(link)) return;
      if (!result.ok) {
        const retryAfterMs = result.code === 'unavailable' ? RETRY_UNAVAILABLE_MS : undefined;
        return sendError(context, link, result.code, result.detail, i, retryAfterMs);
      }
      const { right } = result;
      const { ticket, useByMs } = await sign(
        session.user,
        c,
        session.id,
        right.by === 'rule',
        right.untilMs ?? Infinity,
      );
      if (!isClosed(link)) sendControl(context, link, { t: 'ok', i, g: ticket, until: useByMs });
    },
  };
}

/** Why nobody follows it by a ticket ([TKT1]); undefined: they may. */
function unfitFor({ spec }: Matched): string | undefined {
  if (spec.kind === 'signal') return 'a signal has nothing to come back to';
  return isByRole(spec)
    ? 'a document, and what lies beside one, is open to a role, which may change: a ticket would outlast it'
    : undefined;
}
