import { beforeEach, describe, expect, it } from 'vitest';
import type { Ticket, Tickets } from '../ports/tickets.ts';

export type TicketsSubject = {
  readonly tickets: Tickets;
  /** Another node, or the same after a restart. */
  reopen(): Tickets;
  /** Tickets of another server, which this one must not believe; null: anybody can make such tickets, as only the simulator may. */
  readonly foreign: Tickets | null;
};

const NOW_MS = Date.UTC(2026, 0, 1);
const TICKET: Ticket = {
  id: 'ticket-1',
  user: 'alice',
  channel: 'chat:lobby',
  session: 's_1',
  isByRule: true,
  issuedAtMs: NOW_MS,
  useByMs: NOW_MS + 60_000,
  expiresAtMs: NOW_MS + 600_123,
};

/** What every `Tickets` must do. */
export function ticketsContract(name: string, open: () => TicketsSubject): void {
  describe(`Tickets: ${name}`, () => {
    let subject: TicketsSubject;
    beforeEach(() => {
      subject = open();
    });

    it('[TKT1] comes back as it was signed, to the millisecond of its end', async () => {
      const { tickets } = subject;
      for (const ticket of [TICKET, { ...TICKET, session: null, isByRule: false }]) {
        const text = await tickets.sign(ticket);
        expect(await tickets.verify(text, NOW_MS)).toEqual(ticket);
        expect(await tickets.verify(text, ticket.expiresAtMs - 1)).toEqual(ticket);
        expect(await tickets.verify(text, ticket.expiresAtMs)).toBeNull();
      }
    });

    it('[TKT1] ids with all kinds of characters come back as they were', async () => {
      for (const [user, channel] of [
        ['auth0|{a}:b/💚"\\', 'chat:%F0%9F%92%9A'],
        ['__proto__', 'x'],
        ['u'.repeat(255), 'c'.repeat(255)],
      ] as const) {
        const ticket = { ...TICKET, user, channel };
        expect(await subject.tickets.verify(await subject.tickets.sign(ticket), NOW_MS)).toEqual(ticket);
      }
    });

    it('[TKT3] what is no ticket is null, and never a rejection', async () => {
      const text = await subject.tickets.sign(TICKET);
      for (const nothing of ['', '.', '..', 'null', '{}', '[]', '5', text.slice(0, -2), `${text}.`, '💚'])
        expect(await subject.tickets.verify(nothing, NOW_MS), nothing).toBeNull();
    });

    it('[TKT2] what one node signed another believes, and so does the next life; the proof is the same', async () => {
      const text = await subject.tickets.sign(TICKET);
      const other = subject.reopen();
      expect(await other.verify(text, NOW_MS)).toEqual(TICKET);
      expect(other.proof('ticket-1')).toBe(subject.tickets.proof('ticket-1'));
      expect(other.proof('ticket-2')).not.toBe(other.proof('ticket-1'));
      // It stands in an event's id, behind a `~`.
      expect(other.proof('ticket-1')).toMatch(/^[\w-]{1,64}$/);
    });

    it('[TKT3] what somebody else signed, or anybody changed, is no ticket; a proof needs the secret', async () => {
      const { tickets, foreign } = subject;
      if (foreign === null) return;
      expect(await tickets.verify(await foreign.sign(TICKET), NOW_MS)).toBeNull();
      expect(foreign.proof('ticket-1')).not.toBe(tickets.proof('ticket-1'));
      const text = await tickets.sign(TICKET);
      for (let at = 0; at < text.length; at++) {
        // Not by one: the last characters of base64url carry bits that nobody reads.
        const changed = `${text.slice(0, at)}${text[at] === 'A' ? 'z' : 'A'}${text.slice(at + 1)}`;
        expect(await tickets.verify(changed, NOW_MS), `character ${at}`).toBeNull();
      }
    });
  });
}
