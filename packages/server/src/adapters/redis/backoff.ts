/** ms before the first attempt at least, and between attempts at most. */
const SHORTEST_MS = 50;
const LONGEST_MS = 2_000;

/**
 * How long to wait before another attempt to connect: longer each time, and never the same for two nodes.
 *
 * @param attempt from 0
 * @param fraction from 0 to below 1
 */
export function backoffMs(attempt: number, fraction: number): number {
  const longest = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** Math.min(attempt + 1, 10));
  return SHORTEST_MS + fraction * (longest - SHORTEST_MS);
}
