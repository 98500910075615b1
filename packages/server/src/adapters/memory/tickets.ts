import type { Ticket, Tickets } from '../../ports/tickets.ts';

/** Tickets that anybody could make: for the simulator and for tests, where nobody forges any and nothing may wait for a signature. */
export const plainTickets: Tickets = {
  sign: (ticket) => Promise.resolve(JSON.stringify(ticket)),
  verify(text, nowMs) {
    const ticket = JSON.parse(text) as Ticket;
    return Promise.resolve(ticket.expiresAtMs > nowMs ? ticket : null);
  },
  proof: (id) => `proof-${id}`,
};
