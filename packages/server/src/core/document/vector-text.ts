/** A state vector as stores keep it: client ids and clocks in turn, a list as JSON text. */
export function encodeVector(vector: ReadonlyMap<number, number>): string {
  return JSON.stringify([...vector].flat());
}

/**
 * @throws SyntaxError where it is no list: it was damaged, and whoever took it for empty would take every update anew
 */
export function decodeVector(text: string): Map<number, number> {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new SyntaxError('a state vector is not a list');
  const vector = new Map<number, number>();
  for (let i = 0; i + 1 < list.length; i += 2) vector.set(Number(list[i]), Number(list[i + 1]));
  return vector;
}
