import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MembersSubject, sweepMembersOf } from '../../src/testing/members-contract.ts';
import { memoryMembersSubject } from './memory-subject.ts';

const NODES = ['a', 'b', 'c'];
const CHANNELS = ['room:1', 'room:{x}'];
const USERS = ['ann', 'bob', '\u{1F600}', '\uFFFD'];

/** What happens, as numbers that name a node, a channel and a user. */
type Event = {
  readonly what: 'join' | 'leave' | 'occupied' | 'vacated' | 'sweep' | 'lose' | 'restore';
  readonly node: number;
  readonly channel: number;
  readonly user: number;
};

const events: fc.Arbitrary<Event[]> = fc.array(
  fc.record({
    what: fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom('join' as const, 'leave' as const) },
      { weight: 4, arbitrary: fc.constantFrom('occupied' as const, 'vacated' as const) },
      { weight: 2, arbitrary: fc.constantFrom('sweep' as const, 'restore' as const) },
      { weight: 1, arbitrary: fc.constant('lose' as const) },
    ),
    node: fc.nat({ max: NODES.length - 1 }),
    channel: fc.nat({ max: CHANNELS.length - 1 }),
    user: fc.nat({ max: USERS.length - 1 }),
  }),
  { maxLength: 60 },
);

/** What can be seen from outside, but for the versions, which every store makes in its own way. */
async function play(subject: MembersSubject, history: readonly Event[]): Promise<unknown[]> {
  const seen: unknown[] = [];
  const lastVersions = new Map<string, number>();
  for (const channel of CHANNELS) await subject.watch(channel);
  for (const event of history) {
    const members = subject.node(NODES[event.node] as string);
    const channel = CHANNELS[event.channel] as string;
    const user = USERS[event.user] as string;
    switch (event.what) {
      case 'join':
        await members.join(channel, user);
        break;
      case 'leave':
        await members.leave(channel, user);
        break;
      case 'occupied':
        seen.push(await members.occupied(channel));
        break;
      case 'vacated':
        seen.push(await members.vacated(channel));
        break;
      case 'sweep': {
        // By the next node: nobody sweeps itself.
        const sweeper = subject.node(NODES[(event.node + 1) % NODES.length] as string);
        seen.push((await sweepMembersOf(sweeper, NODES[event.node] as string, 3)).vacated);
        break;
      }
      case 'restore':
        await members.restore();
        break;
      case 'lose':
        await subject.lose();
        // Every node finds it with its next renewal.
        for (const node of NODES) await subject.node(node).restore();
    }
    for (const name of CHANNELS) {
      const told = await subject.told(name);
      // In any order where one step told several.
      seen.push(told.map(({ user: who, joined }) => `${name} ${who} ${joined}`).sort());
      for (const { prev, version } of told) {
        expect(version).toBeGreaterThan(Math.max(prev, lastVersions.get(name) ?? 0));
        lastVersions.set(name, version);
      }
      const { users, count, next } = await members.page(name, null, 2);
      seen.push(users, count, next, await members.page(name, next ?? 'b', 10));
    }
  }
  return seen;
}

/** Random histories of several nodes are the same in any store as in the model in memory. */
export function memberHistories(name: string, open: () => Promise<MembersSubject>, runs: number): void {
  describe(`Members: ${name}, random histories`, () => {
    it('are as in the model', async () => {
      await fc.assert(
        fc.asyncProperty(events, async (history) => {
          const subject = await open();
          try {
            expect(await play(subject, history)).toEqual(await play(await memoryMembersSubject(), history));
          } finally {
            await subject.close();
          }
        }),
        { numRuns: runs },
      );
    }, 120_000);
  });
}
