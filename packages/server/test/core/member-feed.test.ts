import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MAX_WAITING,
  type MemberFeed,
  compareMembers,
  giveUp,
  newMemberFeed,
  settle,
  takeMember,
} from '../../src/core/channel/member-feed.ts';
import type { MemberNotice } from '../../src/ports/broker.ts';
import type { MemberCount } from '../../src/ports/members.ts';

function notice(prev: number, version: number, joined = true): MemberNotice {
  return { kind: 'member', channel: 'c', user: `u${version}`, joined, version, prev };
}

function opened(count: number, version: number): MemberFeed {
  const feed = newMemberFeed();
  settle(feed, { count, version });
  return feed;
}

describe('a feed of members', () => {
  it('tells what goes on from the count, and nothing that is part of it', () => {
    const feed = newMemberFeed();
    for (const change of [notice(5, 6), notice(6, 7), notice(7, 8)])
      expect(takeMember(feed, change)).toBe('nothing');
    expect(settle(feed, { count: 3, version: 7 })).toMatchObject({ tell: [{ version: 8 }], again: false });
    expect(feed).toMatchObject({ count: 4, version: 8, waiting: null });
    expect(takeMember(feed, notice(6, 7))).toBe('nothing');
    expect(takeMember(feed, notice(8, 9, false))).toBe('tell');
    expect(feed.count).toBe(3);
  });

  it('reads the count where a change is missing, and says so', () => {
    const feed = opened(3, 7);
    expect(takeMember(feed, notice(8, 9))).toBe('read');
    expect(takeMember(feed, notice(9, 10))).toBe('nothing');
    expect(settle(feed, { count: 5, version: 9 })).toMatchObject({ missed: true, tell: [{ version: 10 }] });
    expect(feed.count).toBe(6);
  });

  it('reads once more where what came meanwhile does not go on from the count', () => {
    const feed = opened(3, 7);
    takeMember(feed, notice(8, 9));
    takeMember(feed, notice(11, 12));
    expect(settle(feed, { count: 5, version: 9 })).toMatchObject({ again: true });
    expect(settle(feed, { count: 8, version: 12 })).toMatchObject({ again: false, tell: [] });
  });

  it('goes on in an empty channel that has forgotten its version', () => {
    const feed = opened(1, 7);
    expect(takeMember(feed, notice(7, 8, false))).toBe('tell');
    expect(takeMember(feed, notice(0, 20))).toBe('tell');
    expect(feed).toMatchObject({ count: 1, version: 20 });
    // Somebody is in it, so nothing was forgotten: it was lost.
    expect(takeMember(feed, notice(0, 30))).toBe('read');
  });

  it('keeps so many changes while it reads, and reads once more where there were more', () => {
    const feed = newMemberFeed();
    for (let i = 1; i <= MAX_WAITING + 1; i++) takeMember(feed, notice(i - 1, i));
    expect(feed.waiting).toHaveLength(MAX_WAITING);
    expect(settle(feed, { count: 0, version: 0 }).again).toBe(true);
    expect(settle(feed, { count: 1_001, version: MAX_WAITING + 1 }).again).toBe(false);
  });

  it('waits for what is newer than it was told until the next comparison, and not for what is older', () => {
    const late = opened(3, 7);
    expect(compareMembers(late, 7, { count: 4, version: 8 })).toBe(false);
    expect(takeMember(late, notice(7, 8))).toBe('tell');
    expect(compareMembers(late, 8, { count: 4, version: 8 })).toBe(false);
    const lost = opened(3, 7);
    expect(compareMembers(lost, 7, { count: 4, version: 8 })).toBe(false);
    expect(compareMembers(lost, 7, { count: 4, version: 8 })).toBe(true);
    expect(settle(lost, { count: 4, version: 8 }).missed).toBe(true);
    expect(compareMembers(opened(3, 7), 7, { count: 2, version: 5 })).toBe(true);
  });

  it('that could not be read is read with the next change, or the next comparison', () => {
    const feed = newMemberFeed();
    giveUp(feed);
    expect(takeMember(feed, notice(0, 1))).toBe('read');
    giveUp(feed);
    expect(compareMembers(feed, feed.version, { count: 0, version: 0 })).toBe(true);
  });
});

/**
 * A list, a broker that keeps the order and may lose, and a client that counts. Counting from the number that it was told, a
 * client has what the feed has at any moment, and in the end what the list has.
 */
describe('a feed over a broker that loses', () => {
  type Step =
    | { readonly do: 'join' | 'leave'; readonly user: number; readonly lost: boolean }
    | { readonly do: 'deliver' | 'answer' | 'compare' | 'lose' | 'forget' };

  const steps: fc.Arbitrary<Step[]> = fc.array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          do: fc.constantFrom('join' as const, 'leave' as const),
          user: fc.nat({ max: 4 }),
          lost: fc.nat({ max: 9 }).map((n) => n === 0),
        }),
      },
      { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('deliver' as const, 'answer' as const) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constantFrom('compare' as const, 'lose' as const, 'forget' as const),
        }),
      },
    ),
    { maxLength: 80 },
  );

  function play(history: readonly Step[], losses: boolean): void {
    const users = new Set<number>();
    let known = 0;
    let last = 0;
    const line: MemberNotice[] = [];
    const answers: ((top: MemberCount) => void)[] = [];
    const asked: MemberCount[] = [];
    const feed = newMemberFeed();
    let client: number | null = null;
    let missed = 0;
    /** Notices of the line that were there at the last comparison. */
    let underWay = 0;

    const ask = (answer: (top: MemberCount) => void): void => {
      answers.push(answer);
      asked.push({ count: users.size, version: known });
    };
    const tell = ({ joined }: MemberNotice): void => {
      if (client !== null) client += joined ? 1 : -1;
    };
    const read = (): void =>
      ask((top) => {
        const settled = settle(feed, top);
        // A client that is told that something is missing asks, and is answered with what the feed has.
        if (settled.missed && client !== null) {
          missed++;
          client = feed.count - settled.tell.reduce((sum, { joined }) => sum + (joined ? 1 : -1), 0);
        }
        settled.tell.forEach(tell);
        client ??= settled.again ? null : feed.count;
        if (settled.again) read();
      });
    const compare = (): void => {
      // Comparisons are further apart than any notice is under way.
      while (underWay > 0) deliver();
      underWay = line.length;
      if (feed.waiting !== null) return;
      const { version } = feed;
      ask((top) => void (compareMembers(feed, version, top) && read()));
    };
    const deliver = (): void => {
      const next = line.shift();
      if (next === undefined) return;
      if (underWay > 0) underWay--;
      const taken = takeMember(feed, next);
      if (taken === 'tell') tell(next);
      if (taken === 'read') read();
    };
    const answer = (): void => answers.shift()?.(asked.shift() as MemberCount);

    read();
    for (const step of history) {
      switch (step.do) {
        case 'join':
        case 'leave': {
          const joined = step.do === 'join';
          if (users.has(step.user) === joined) break;
          if (joined) users.add(step.user);
          else users.delete(step.user);
          const prev = known;
          known = last = last + 10;
          if (!step.lost || !losses) line.push(notice(prev, known, joined));
          break;
        }
        case 'deliver':
          deliver();
          break;
        case 'answer':
          answer();
          break;
        case 'compare':
          compare();
          break;
        case 'lose':
          // The list comes back empty, and is put back without a word; half of it in time.
          if (!losses) break;
          for (const user of users) if (user % 2 === 0) users.delete(user);
          known = last = last + 10;
          break;
        case 'forget':
          if (users.size === 0) known = 0;
      }
      if (client !== null) expect(client).toBe(feed.count);
    }
    const drain = (): void => {
      while (line.length > 0 || answers.length > 0) {
        deliver();
        answer();
      }
    };
    drain();
    if (!losses) {
      expect(missed).toBe(0);
      expect(feed.count).toBe(users.size);
    }
    for (let i = 0; i < 2; i++) {
      compare();
      drain();
    }
    expect(feed.count).toBe(users.size);
    expect(client).toBe(users.size);
  }

  it('comes to the right number, and so does who counts behind it', () => {
    fc.assert(
      fc.property(steps, (history) => play(history, true)),
      { numRuns: 2_000 },
    );
  });

  it('that loses nothing, never says that anything is missing', () => {
    fc.assert(
      fc.property(steps, (history) => play(history, false)),
      { numRuns: 2_000 },
    );
  });
});
