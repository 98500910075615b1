/** One connection: the number of a person in the graph, and of the device among the person's own. */
export type Device = { readonly person: number; readonly number: number };

/**
 * Gives everybody two or three devices, so that there are `connections` of them where the graph has people enough:
 * everybody first has one, then everybody a second, then the first of them a third.
 */
export function devicesOf(
  peopleInGraph: number,
  connections: number,
): { readonly devices: readonly Device[]; readonly people: number } {
  const people = Math.max(1, Math.min(peopleInGraph, Math.floor(connections / 2.5)));
  const devices: Device[] = [];
  for (let number = 0; number < 3; number++)
    for (let person = 0; person < people && devices.length < Math.max(connections, 2 * people); person++)
      devices.push({ person, number });
  return { devices, people };
}
