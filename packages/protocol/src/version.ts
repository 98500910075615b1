/** The protocol version that this package speaks, raised when a client must know something new to work. */
export const PROTOCOL_VERSION = 1;

/** The oldest version that a server of this package still serves ([VER2]). */
export const OLDEST_PROTOCOL_VERSION = 1;

/**
 * The version that both sides speak.
 *
 * @param offered the newest version the client speaks; a client that names none speaks version 1
 * @returns the version to use, or undefined when the client is too old to be served
 */
export function negotiateVersion(
  offered: number | undefined,
  oldest: number = OLDEST_PROTOCOL_VERSION,
  newest: number = PROTOCOL_VERSION,
): number | undefined {
  const wanted = offered ?? 1;
  if (wanted < oldest) return undefined;
  return Math.min(wanted, newest);
}
