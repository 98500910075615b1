import type { Ticket, Tickets } from '../../ports/tickets.ts';

/** Tickets that anybody could make: for the simulator and for tests, where nobody forges any and nothing may wait for a signature. */
export const plainTickets: Tickets = {
  sign: (ticket) => Promise.resolve(JSON.stringify(ticket)),
  verify: (text, nowMs) => Promise.resolve(read(text, nowMs)),
  proof: (id) => `proof-${id}`,
};

function read(text: string, nowMs: number): Ticket | null {
  try {
    const ticket = JSON.parse(text) as Partial<Ticket> | null;
    return (ticket?.expiresAtMs ?? 0) > nowMs ? (ticket as Ticket) : null;
  } catch {
    // No JSON: no ticket.
    return null;
  }
}
