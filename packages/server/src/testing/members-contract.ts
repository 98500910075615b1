import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MemberNotice } from '../ports/broker.ts';
import type { SharedMembers } from '../ports/members.ts';

export type MembersSubject = {
  /** The members as a node of that name has them, over what all nodes of the subject share. */
  node(name: string): SharedMembers;
  /** From here on what is told of the channel is noted. */
  watch(channel: string): Promise<void>;
  /** What was told of the channel since it was asked last, in its order; all of it has come. */
  told(channel: string): Promise<readonly MemberNotice[]>;
  /** The store forgets everything. */
  lose(): Promise<void>;
  close(): Promise<void>;
};

/** Sweeps until nothing is left, as the runtime does. */
export async function sweepMembersOf(
  members: SharedMembers,
  dead: string,
  limit = 100,
): Promise<{ readonly calls: number; readonly vacated: readonly string[] }> {
  const vacated: string[] = [];
  for (let calls = 1; ; calls++) {
    const swept = await members.sweepNode(dead, limit);
    vacated.push(...swept.vacated);
    if (swept.gone === 0) return { calls, vacated: vacated.sort() };
  }
}

/** What every `SharedMembers` must do. `open` gives a new, empty store for each test. */
export function membersContract(name: string, open: () => Promise<MembersSubject>): void {
  describe(`Members: ${name}`, () => {
    const ROOM = 'room:1';
    let subject: MembersSubject;
    let a: SharedMembers;
    let b: SharedMembers;
    beforeEach(async () => {
      subject = await open();
      a = subject.node('a');
      b = subject.node('b');
      await subject.watch(ROOM);
    });
    afterEach(() => subject.close());

    async function told(channel = ROOM): Promise<string[]> {
      return (await subject.told(channel)).map(({ user, joined }) => `${joined ? '+' : '-'}${user}`);
    }

    async function users(members = b, channel = ROOM): Promise<readonly string[]> {
      const { users: page, count } = await members.page(channel, null, 1_000);
      expect(count).toBe(page.length);
      expect((await members.count(channel)).count).toBe(count);
      return page;
    }

    describe('who comes and goes', () => {
      it('[MEM1] is told once: with the first node that a user is on, and with the last', async () => {
        await a.join(ROOM, 'ann');
        await b.join(ROOM, 'ann');
        expect(await told()).toEqual(['+ann']);
        await a.leave(ROOM, 'ann');
        expect(await told()).toEqual([]);
        expect(await users()).toEqual(['ann']);
        await b.leave(ROOM, 'ann');
        expect(await told()).toEqual(['-ann']);
        expect(await users()).toEqual([]);
      });

      it('is told once where several nodes tell it at the same time', async () => {
        const nodes = ['a', 'b', 'c', 'd'].map((node) => subject.node(node));
        await Promise.all(nodes.map(async (node) => node.join(ROOM, 'ann')));
        expect(await told()).toEqual(['+ann']);
        await Promise.all(nodes.map(async (node) => node.leave(ROOM, 'ann')));
        expect(await told()).toEqual(['-ann']);
      });

      it('may be repeated: neither a second join nor a second leave of a node counts', async () => {
        await a.join(ROOM, 'ann');
        await a.join(ROOM, 'ann');
        await b.join(ROOM, 'ann');
        await a.leave(ROOM, 'ann');
        await a.leave(ROOM, 'ann');
        expect(await told()).toEqual(['+ann']);
        expect(await users()).toEqual(['ann']);
        await b.leave(ROOM, 'ann');
        await b.leave(ROOM, 'ann');
        await a.leave(ROOM, 'never');
        expect(await told()).toEqual(['-ann']);
      });

      it('comes again by the node that stayed, and by one that went and came back', async () => {
        for (const node of [a, b]) await node.join(ROOM, 'ann');
        await a.leave(ROOM, 'ann');
        await a.join(ROOM, 'ann');
        await b.leave(ROOM, 'ann');
        expect(await users()).toEqual(['ann']);
        await a.leave(ROOM, 'ann');
        await b.join(ROOM, 'ann');
        expect(await told()).toEqual(['+ann', '-ann', '+ann']);
      });

      it('has versions that rise, each naming the one before it; the count says which it counts', async () => {
        expect((await a.count(ROOM)).count).toBe(0);
        for (const user of ['ann', 'bob', 'cid']) await a.join(ROOM, user);
        await b.join(ROOM, 'bob');
        await a.leave(ROOM, 'ann');
        await b.join(ROOM, 'dan');
        const notices = await subject.told(ROOM);
        expect(notices).toHaveLength(5);
        expect(notices[0]?.prev).toBe(0);
        for (const [i, notice] of notices.entries()) {
          expect(notice).toMatchObject({ kind: 'member', channel: ROOM });
          expect(Number.isSafeInteger(notice.version)).toBe(true);
          expect(notice.version).toBeGreaterThan(notice.prev);
          if (i > 0) expect(notice.prev).toBe(notices[i - 1]?.version);
        }
        for (const node of [a, b])
          expect(await node.count(ROOM)).toEqual({ count: 3, version: notices.at(-1)?.version });
      });

      it('goes on rising where everybody left meanwhile; what comes then names the last version or none', async () => {
        await a.join(ROOM, 'ann');
        await a.leave(ROOM, 'ann');
        const left = (await subject.told(ROOM)).at(-1);
        await b.join(ROOM, 'bob');
        const [came] = await subject.told(ROOM);
        expect([0, left?.version]).toContain(came?.prev);
        expect(came?.version).toBeGreaterThan(left?.version ?? Number.POSITIVE_INFINITY);
      });

      it('stays in its own channel, whatever that is called', async () => {
        const names = ['room:{a}', 'room:%7Ba%7D', 'room:{b}:{a}', 'room:ä 😀', 'room:a:members'];
        for (const channel of names) {
          await subject.watch(channel);
          await a.join(channel, `in ${channel}`);
        }
        for (const channel of names) {
          expect(await users(b, channel)).toEqual([`in ${channel}`]);
          expect(await told(channel)).toEqual([`+in ${channel}`]);
        }
      });
    });

    describe('a page', () => {
      // In the order of UTF-16 units, which is neither that of code points nor that of UTF-8.
      const ORDERED = [
        '"quoted"\\',
        'Zoe',
        'a:b',
        'auth0|1',
        'ä',
        'é{x}',
        '中',
        '\u{1F600}',
        '\u{1F600}\uFFFD',
        '\u{10FFFF}',
        '\u{10FFFF}\u{10FFFF}',
        '\u{10FFFF}\uE000',
        '\uE000',
        '\uE000\u{1F600}',
        '\uFFFD',
      ];

      it('gives the users in the order of UTF-16 units, and goes on behind any of them', async () => {
        expect([...ORDERED].sort()).toEqual(ORDERED);
        for (const user of [...ORDERED].reverse()) await a.join(ROOM, user);
        expect(await users()).toEqual(ORDERED);
        expect((await told()).sort()).toEqual(ORDERED.map((user) => `+${user}`).sort());
        const count = ORDERED.length;
        for (const [i, user] of ORDERED.entries()) {
          const rest = ORDERED.slice(i + 1);
          expect(await b.page(ROOM, user, 100)).toEqual({ users: rest, count, next: null });
          const [next] = rest;
          if (next === undefined) continue;
          expect(await b.page(ROOM, user, 1)).toEqual({
            users: [next],
            count,
            next: rest.length > 1 ? next : null,
          });
        }
      });

      it('goes on behind a user who left, or never came', async () => {
        for (const user of ['a', 'c', 'e']) await a.join(ROOM, user);
        await a.leave(ROOM, 'c');
        expect(await b.page(ROOM, 'c', 10)).toEqual({ users: ['e'], count: 2, next: null });
        expect(await b.page(ROOM, 'b', 10)).toEqual({ users: ['e'], count: 2, next: null });
        expect(await b.page(ROOM, 'x', 10)).toEqual({ users: [], count: 2, next: null });
        expect(await b.page('room:nobody', null, 10)).toEqual({ users: [], count: 0, next: null });
      });
    });

    describe('whether anybody is subscribed', () => {
      it('is told to the first node and to the last, also where they ask again', async () => {
        expect(await a.occupied(ROOM)).toBe(true);
        expect(await a.occupied(ROOM)).toBe(true);
        expect(await b.occupied(ROOM)).toBe(false);
        expect(await a.vacated(ROOM)).toBe(false);
        expect(await b.vacated(ROOM)).toBe(true);
        expect(await b.vacated(ROOM)).toBe(true);
        expect(await b.occupied(ROOM)).toBe(true);
      });

      it('has nothing to do with who is in the channel', async () => {
        await a.join(ROOM, 'ann');
        expect(await b.occupied(ROOM)).toBe(true);
        await a.leave(ROOM, 'ann');
        expect(await a.occupied(ROOM)).toBe(false);
        expect(await users()).toEqual([]);
      });
    });

    describe('a dead node', () => {
      it('is let go of once, in pieces; whoever came back elsewhere stays', async () => {
        const names = Array.from({ length: 25 }, (_, i) => `user-${String(i).padStart(2, '0')}`);
        for (const user of names) await a.join(ROOM, user);
        await a.join('room:2', 'ann');
        const back = names.slice(0, 5);
        for (const user of back) await b.join(ROOM, user);
        await told();
        const first = await b.sweepNode('a', 10);
        expect(first.gone).toBeGreaterThan(0);
        expect((await told()).length).toBeLessThanOrEqual(10);
        expect((await users()).length).toBeGreaterThanOrEqual(15);
        const { calls } = await sweepMembersOf(b, 'a', 10);
        expect(calls).toBeGreaterThanOrEqual(3);
        expect(await users()).toEqual(back);
        expect(await users(b, 'room:2')).toEqual([]);
        for (const user of back) await b.leave(ROOM, user);
        const left = await told();
        expect(left.slice(-5)).toEqual(back.map((user) => `-${user}`));
        expect(new Set(left).size).toBe(left.length);
      });

      it('is let go of once where several nodes do it at the same time', async () => {
        const names = Array.from({ length: 30 }, (_, i) => `user-${i}`);
        for (const user of names) await a.join(ROOM, user);
        await a.occupied(ROOM);
        await told();
        const sweepers = [b, subject.node('c'), subject.node('d')];
        const swept = await Promise.all(sweepers.map((sweeper) => sweepMembersOf(sweeper, 'a', 7)));
        expect((await told()).sort()).toEqual(names.map((user) => `-${user}`).sort());
        expect(swept.flatMap(({ vacated }) => vacated)).toEqual([ROOM]);
      });

      it('has vacated the channels that nobody else is subscribed to', async () => {
        for (const channel of [ROOM, 'room:2', 'room:3']) await a.occupied(channel);
        await b.occupied('room:2');
        await a.vacated('room:3');
        expect((await sweepMembersOf(b, 'a')).vacated).toEqual([ROOM]);
        expect(await b.vacated('room:2')).toBe(true);
      });

      it('that held nothing, or let go of everything, has left nothing', async () => {
        await a.join(ROOM, 'ann');
        await a.occupied(ROOM);
        await a.leave(ROOM, 'ann');
        await a.vacated(ROOM);
        expect(await b.sweepNode('a', 100)).toEqual({ gone: 0, vacated: [] });
        expect(await b.sweepNode('nobody', 100)).toEqual({ gone: 0, vacated: [] });
      });

      it('that was not dead puts back what it holds, and that is told', async () => {
        await a.join(ROOM, 'ann');
        await a.join(ROOM, 'bob');
        await b.join(ROOM, 'bob');
        await sweepMembersOf(b, 'a');
        expect(await told()).toEqual(['+ann', '+bob', '-ann']);
        await a.restore();
        expect(await users()).toEqual(['ann', 'bob']);
        expect(await told()).toEqual(['+ann']);
        await b.leave(ROOM, 'bob');
        expect(await told()).toEqual([]);
      });
    });

    describe('a store that came back empty', () => {
      it('is told by every node what it holds, and nobody hears of it', async () => {
        for (const user of ['ann', 'bob']) await a.join(ROOM, user);
        for (const user of ['bob', 'cid']) await b.join(ROOM, user);
        await a.occupied(ROOM);
        await told();
        const { version } = await a.count(ROOM);
        await subject.lose();
        expect((await b.page(ROOM, null, 10)).users).toEqual([]);
        await a.restore();
        await b.restore();
        expect(await told()).toEqual([]);
        expect(await users()).toEqual(['ann', 'bob', 'cid']);
        // Whoever counted before sees by the version that something was lost.
        expect((await b.count(ROOM)).version).toBeGreaterThan(version);
        expect(await b.occupied(ROOM)).toBe(false);
        await a.leave(ROOM, 'bob');
        await a.leave(ROOM, 'ann');
        expect(await told()).toEqual(['-ann']);
      });

      it('is told nothing of those who left, before it was lost or since', async () => {
        for (const user of ['ann', 'bob', 'cid']) await a.join(ROOM, user);
        await a.leave(ROOM, 'ann');
        await subject.lose();
        await a.leave(ROOM, 'bob');
        await a.restore();
        expect(await users()).toEqual(['cid']);
      });

      it('takes who comes and goes while it is told', async () => {
        const names = Array.from({ length: 1_200 }, (_, i) => `user-${String(i).padStart(4, '0')}`);
        await Promise.all(names.map(async (user) => a.join(ROOM, user)));
        await subject.lose();
        await told();
        const restored = a.restore();
        await Promise.all([
          restored,
          a.leave(ROOM, 'user-0000'),
          a.leave(ROOM, 'user-1100'),
          a.join(ROOM, 'user-9999'),
          b.join(ROOM, 'user-9998'),
        ]);
        const expected = [...names, 'user-9998', 'user-9999'].filter(
          (user) => user !== 'user-0000' && user !== 'user-1100',
        );
        const all: string[] = [];
        let after: string | null = null;
        do {
          const page = await b.page(ROOM, after, 1_000);
          all.push(...page.users);
          after = page.next;
        } while (after !== null);
        expect(all).toEqual(expected);
      });

      it('may be told again, and knows what a node holds that dies then', async () => {
        await a.join(ROOM, 'ann');
        await a.join('room:2', 'bob');
        await subject.lose();
        await a.restore();
        await a.restore();
        expect(await users()).toEqual(['ann']);
        await told();
        await sweepMembersOf(b, 'a');
        expect(await told()).toEqual(['-ann']);
        expect(await users(b, 'room:2')).toEqual([]);
      });
    });
  });
}
