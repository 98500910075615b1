/** What a user may set. `Invisible` is set only: others see `Offline`. */
export const STATUSES = ['Online', 'Away', 'Busy', 'Offline', 'Invisible'] as const;
export type Status = (typeof STATUSES)[number];

/** What others may see. */
export const VISIBLE_STATUSES = ['Online', 'Away', 'Busy', 'Offline'] as const;
export type VisibleStatus = (typeof VISIBLE_STATUSES)[number];

/** Presence fields of a server that configures none: activity, project, language. */
export const DEFAULT_PRESENCE_FIELDS = ['a', 'p', 'l'] as const;

/** Names that a configured presence field may not have, because a message, the HTTP API or the
 * language already uses them. Written out, so that clients need not carry the shapes; a test holds it against them. */
export const RESERVED_FIELD_NAMES: ReadonlySet<string> = new Set(
  (
    't i id ts s at v q username token resume device users gone delta session resumed graceMs hbMs exp code m ' +
    'retryAfterMs advice afterMs ttlMs c d e g k n o r id by rec why dup old ps more es ids next until path ' +
    'last since own del ver ref ttl echo rev ms ss __proto__ constructor prototype'
  ).split(' '),
);
