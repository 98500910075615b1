/** The right of whoever holds it to follow a channel by a stream ([TKT1]). */
export type Ticket = {
  readonly id: string;
  readonly user: string;
  readonly channel: string;
  /** With which it ends; null: a backend asked for it, and it ends by itself. */
  readonly session: string | null;
  /** A rule gave the right: it is asked again each time that somebody comes with the ticket. */
  readonly isByRule: boolean;
  /** All in ms since the epoch. */
  readonly issuedAtMs: number;
  /** When it must have been used for the first time. */
  readonly useByMs: number;
  readonly expiresAtMs: number;
};

/**
 * Signs and checks tickets.
 *
 * - `sign` and `verify` MUST keep every field as it was, times to the millisecond.
 * - `verify` MUST answer null to one that is forged, over, or something else that was signed with the same secret; it MUST NOT reject.
 * - `proof` MUST be the same on every node and after a restart, tell nothing of the secret, and not be found without it: whoever names
 *   it was once sent a stream for this ticket.
 */
export interface Tickets {
  sign(ticket: Ticket): Promise<string>;
  verify(text: string, nowMs: number): Promise<Ticket | null>;
  proof(id: string): string;
}
