import { expect } from 'vitest';
import { within } from '../../wire/scene/within.ts';
import type { ClusterScene } from './cluster-scene.ts';
import { type Commuter, createCommuter } from './commuter.ts';

const CONTRACT = new URL('../../../../contract/src/index.ts', import.meta.url).href;

/** Rooms of streams in memory, which everybody may read and write. */
export const ROOMS_CONFIG = `
import { defineContract, map, stream } from '${CONTRACT}';
const data = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
const options = { data, durability: 'memory', rate: { perSecond: 1_000_000, burst: 1_000_000 } };
export default {
  contract: defineContract({
    channels: {
      'room:{id}': stream({ ...options, history: { count: 100_000, units: 100_000_000 } }),
      'board:{id}': map(options),
    },
  }),
  authorize: { 'room:{id}': () => true, 'board:{id}': () => true },
};
`;

/** People who follow each other and talk in rooms, wherever they are connected. */
export type Commute = {
  readonly all: readonly Commuter[];
  keepPublishing(): void;
  stopPublishing(): void;
  /** Publications that were sent and not answered. */
  inFlight(): number;
  /** Resolves when so many more were acknowledged. */
  acknowledged(count: number): Promise<void>;
  /** Stops publishing, and resolves when everybody is connected and answered, and has read what there is. */
  calm(limitMs?: number): Promise<void>;
  /** `o` and `x` that anybody saw since the last call. */
  flaps(): string[];
  /**
   * Fails unless each reader applied, within each epoch, offsets without gap or repeat, all readers of a room the same
   * publications in the same places, and each acknowledged publication is there once, at its place.
   *
   * @param told whether somebody may have been told that something is missing: then what lies before counts as lost
   */
  verify(told?: boolean): void;
  /** Fails unless each acknowledged publication is in the history of its room, once. */
  verifyKept(): Promise<void>;
  /** Fails unless everybody sees each friend as the server says they are. */
  verifyViews(): Promise<void>;
  stop(): void;
};

export type CommuteOptions = {
  readonly people: number;
  readonly rooms: number;
  /** Friends of each. */
  readonly followsEach?: number;
  /** Where they connect to; unless given, any node in turn. */
  readonly port?: () => number;
};

export async function startCommute(
  scene: ClusterScene,
  { people, rooms, followsEach = 6, port = () => scene.pick().port }: CommuteOptions,
): Promise<Commute> {
  const users = Array.from({ length: people }, (_, i) => `person${i}`);
  const followsOf = (i: number): string[] =>
    Array.from({ length: followsEach }, (_, k) => users[(i + 1 + k * 3) % people]!).filter(
      (user) => user !== users[i],
    );
  await scene.follow(...users.flatMap((user, i) => followsOf(i).map((other) => [user, other] as const)));
  const all = users.map((user, i) => createCommuter({ user, port, channel: `room:${i % rooms}` }));
  await within(Promise.all(all.map((commuter) => commuter.idle())), 'everybody is there');
  const unseen = (): number =>
    all.filter(({ view }, i) => followsOf(i).some((friend) => view.friends.get(friend)?.s !== 'Online'))
      .length;
  await expect.poll(unseen, { timeout: 60_000, interval: 20 }).toBe(0);
  const seen = all.map(({ view }) => view.transitions.length);

  const count = (): number => all.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  const settle = async (): Promise<void> => {
    for (const { client } of all) await client?.settle();
  };

  const commute: Commute = {
    all,
    keepPublishing() {
      for (const commuter of all) commuter.keepPublishing();
    },
    stopPublishing() {
      for (const commuter of all) commuter.stopPublishing();
    },
    inFlight: () => all.filter(({ inFlight }) => inFlight).length,
    async acknowledged(more) {
      const enough = count() + more;
      await expect.poll(count, { timeout: 60_000, interval: 20 }).toBeGreaterThanOrEqual(enough);
    },
    async calm(limitMs = 120_000) {
      commute.stopPublishing();
      const idle = Promise.all(all.map((commuter) => commuter.idle()));
      await within(idle, 'everybody is connected and answered', () => '', limitMs);
      // What was published last has reached everybody when all copies of a room end at the same place.
      const apart = (): string[] => {
        const rest: string[] = [];
        for (let room = 0; room < rooms; room++) {
          const readers = all.filter((_, i) => i % rooms === room);
          // Behind a gap a reader stands where it was told, though nothing may have come since.
          const ends = readers.map(({ user, position, client }) => {
            const place = `${position?.epoch} ${position?.offset}`;
            return { place, who: `${user} at ${client?.socket.url}: ${place}` };
          });
          if (new Set(ends.map(({ place }) => place)).size > 1) rest.push(...ends.map(({ who }) => who));
        }
        return rest;
      };
      await expect.poll(apart, { timeout: limitMs, interval: 50 }).toEqual([]);
      await settle();
    },
    flaps() {
      return all.flatMap(({ user, view }, i) => {
        const fresh = view.transitions.slice(seen[i]);
        seen[i] = view.transitions.length;
        return fresh.map((transition) => `${user} saw ${transition}`);
      });
    },
    verify(told = false) {
      for (let room = 0; room < rooms; room++) {
        const readers = all.filter((_, i) => i % rooms === room);
        const places = new Map<string, unknown>();
        const payloads = new Map<unknown, string>();
        for (const { user, applied, told: reasons } of readers) {
          if (!told) expect(reasons, `what ${user} was told`).toEqual([]);
          let last = null as { epoch: string; offset: number } | null;
          for (const { epoch, offset, data } of applied) {
            if (last?.epoch === epoch && !(told && offset > last.offset + 1))
              expect(offset, `${user} behind ${last.offset}`).toBe(last.offset + 1);
            last = { epoch, offset };
            const place = `${epoch} ${offset}`;
            if (places.has(place)) expect(places.get(place), `${user} at ${place}`).toEqual(data);
            places.set(place, data);
            const before = payloads.get(data);
            if (before !== undefined) expect(place, `${String(data)} is there twice`).toBe(before);
            payloads.set(data, place);
          }
        }
        if (told) continue;
        for (const { user, acknowledged } of readers)
          for (const [payload, { epoch, offset }] of acknowledged)
            expect(payloads.get(payload), `${payload} of ${user}`).toBe(`${epoch} ${offset}`);
      }
    },
    async verifyKept() {
      for (let room = 0; room < rooms; room++) {
        const times = new Map<unknown, number>();
        for (let offset = 0; ;) {
          const { body } = await scene.api(
            'GET',
            `/v1/channels/room:${room}/history?limit=1000&after=${offset}`,
          );
          const page = body as { publications: { offset: number; data: unknown }[]; more: boolean };
          for (const { data } of page.publications) times.set(data, (times.get(data) ?? 0) + 1);
          if (!page.more) break;
          offset = page.publications.at(-1)!.offset;
        }
        for (const { acknowledged } of all.filter((_, i) => i % rooms === room))
          for (const payload of acknowledged.keys()) expect(times.get(payload), payload).toBe(1);
      }
    },
    async verifyViews() {
      for (const [i, { user, view }] of all.entries()) {
        for (const friend of followsOf(i)) {
          // A node that has just come back may still refuse.
          const truth = async (): Promise<unknown> => {
            const { body } = await scene.api('GET', `/v1/users/${friend}/presence`);
            return (body as { s?: string }).s;
          };
          const message = `${friend} as ${user} sees them`;
          await expect
            .poll(truth, { timeout: 30_000, interval: 200, message })
            .toBe(view.friends.get(friend)?.s);
        }
      }
    },
    stop() {
      for (const commuter of all) commuter.stop();
    },
  };
  return commute;
}
