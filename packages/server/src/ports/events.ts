/**
 * What happens on this server that an app wants to hear of, told to whatever carries it there (webhooks).
 *
 * - A source MAY tell the same thing again: only what differs from what was told last about that user or channel counts.
 * - Every method MUST be cheap, for they are called on hot paths, and MUST NOT throw.
 *
 * `atMs`: when it happened, ms since the epoch.
 */
export interface Events {
  /** Others see the user, whatever the status. */
  userOnline(user: string, atMs: number): void;
  /** Nobody sees the user any more: gone, or invisible. */
  userOffline(user: string, atMs: number): void;
  /** Somebody subscribed to a channel that nobody was subscribed to. */
  channelOccupied(channel: string, atMs: number): void;
  /** Nobody is subscribed to the channel any more. */
  channelVacated(channel: string, atMs: number): void;
}
