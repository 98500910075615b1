import type { Ticket } from '../../ports/tickets.ts';
import type { Connection, Link } from '../../ports/transport.ts';
import type { Outcome } from '../operation-outcome.ts';

/** What a ticket that is good gives. */
export type TicketRight = Ticket & {
  readonly isMap: boolean;
  /** What the channel is subscribed with. */
  readonly grant: string;
  /** What the one who comes back names. */
  readonly proof: string;
};

/** Streams for whoever has a ticket. Never throws and never rejects. */
export interface TicketsApi {
  /** A ticket for a user of the app's choice; it ends by itself. */
  issue(
    user: string,
    channel: string,
    ttlMs: number,
  ): Promise<Outcome<{ readonly ticket: string; readonly useByMs: number; readonly expiresAtMs: number }>>;
  /** @param proof that it was used before; null: it was not */
  redeem(text: string, proof: string | null): Promise<Outcome<TicketRight>>;
  /** Whether what a ticket was issued for still lives. */
  isGood(ticket: Ticket): Promise<boolean>;
  /** A connection that follows channels of a user and is nobody's session: nobody sees it come or go. */
  open(connection: Connection, ticket: Ticket): Link;
}
