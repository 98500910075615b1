/** Names that a configured presence field may not have, because a message, the HTTP API or the
 * language already uses them. Written out, so that clients need not carry the shapes; a test holds it against them. In a file of
 * its own: a bundler cannot tell that making a set does nothing else, and keeps it where anything of its file is used. */
export const RESERVED_FIELD_NAMES: ReadonlySet<string> = new Set(
  (
    't i id ts s at v q username token resume device users gone delta session resumed graceMs hbMs exp code m ' +
    'retryAfterMs advice afterMs ttlMs c d e g k n o r id by rec why dup old ps more es ids next until path ' +
    'last since own del ver ref ttl echo rev ms ss sv ds cl role of do full w all __proto__ constructor prototype'
  ).split(' '),
);
