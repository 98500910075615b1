import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import { createRedisMembers } from '../../src/adapters/redis/members.ts';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import { storeUnavailable } from '../../src/ports/unavailable.ts';
import { membersContract, sweepMembersOf } from '../../src/testing/members-contract.ts';
import { openLink } from '../servers/open-link.ts';
import { type RedisServer, startRedis } from '../servers/redis-server.ts';
import { memberHistories } from './member-histories.ts';
import { type RedisMembersSubject, type RedisPlace, onServer, redisMembersSubject } from './redis-subject.ts';

let server: RedisServer;
let place: RedisPlace;
beforeAll(async () => {
  server = await startRedis();
  place = onServer(server);
});
afterAll(async () => {
  await place.close();
  await server.stop();
});

membersContract('one Redis', () => redisMembersSubject(place));
memberHistories('one Redis', () => redisMembersSubject(place), 60);

describe('Members in Redis', () => {
  const ROOM = 'room:1';
  let subject: RedisMembersSubject;
  beforeEach(async () => {
    subject = await redisMembersSubject(place);
    await subject.watch(ROOM);
  });
  afterEach(() => subject.close());

  const told = async () =>
    (await subject.told(ROOM)).map(({ user, joined }) => `${joined ? '+' : '-'}${user}`);

  it('a node that counts finds that the list was lost, and puts back what it holds without a word', async () => {
    const [a, b] = [subject.node('a'), subject.node('b')];
    for (const user of ['ann', 'bob']) await a.join(ROOM, user);
    await b.join(ROOM, 'cid');
    await told();
    await subject.lose();
    // Somebody who comes before that does not make it look whole, neither to this node nor to the other.
    await a.join(ROOM, 'dan');
    expect(await told()).toEqual(['+dan']);
    expect((await a.count(ROOM)).count).toBe(3);
    expect((await b.count(ROOM)).count).toBe(4);
    expect(await told()).toEqual([]);
    expect((await a.page(ROOM, null, 10)).users).toEqual(['ann', 'bob', 'cid', 'dan']);
    // The others would find it, too.
    await b.sweepNode('a', 100);
    expect((await told()).sort()).toEqual(['-ann', '-bob', '-dan']);
  });

  it('a node that counts finds that it was swept, and comes back with a word', async () => {
    const [a, b] = [subject.node('a'), subject.node('b')];
    await a.join(ROOM, 'ann');
    await b.sweepNode('a', 100);
    expect(await told()).toEqual(['+ann', '-ann']);
    expect((await a.count(ROOM)).count).toBe(1);
    expect(await told()).toEqual(['+ann']);
  });

  it('a line that broke and lost nothing costs one look at each channel', async () => {
    const link = await place.link('a');
    const ran: string[] = [];
    const tapped: RedisLink = {
      ...link,
      run(script, keys, args) {
        ran.push(script.name);
        return link.run(script, keys, args);
      },
    };
    const { keys } = subject;
    const nowMs = (): number => Date.now();
    const members = createRedisMembers({ link: tapped, keys, node: 'u', nowMs, occupancy: false });
    for (const channel of [ROOM, 'room:2', 'room:3'])
      for (const user of ['ann', 'bob', 'cid']) await members.join(channel, user);
    ran.length = 0;
    await members.restore();
    expect(ran).toEqual(['members-count', 'members-count', 'members-count']);
  });

  it('asks nothing of who is subscribed where nobody wants to hear of it', async () => {
    const prefix = 'unheard:';
    const link = await openLink(server.port, { prefix });
    const keys = createKeys(prefix);
    const nowMs = (): number => Date.now();
    const members = createRedisMembers({ link, keys, node: 'a', nowMs, occupancy: false });
    expect(members.occupied(ROOM)).toBe(false);
    expect(members.vacated(ROOM)).toBe(false);
    expect(await server.run('KEYS', '*unheard:*')).toEqual([]);
    await link.close();
  });

  describe('over a line that breaks', () => {
    /** A node of its own, on whose line the answers of one script are lost, or the script itself. */
    async function unlucky(script: string, carriedOut: boolean) {
      const link = await place.link('a');
      const state = { isBroken: true };
      const broken: RedisLink = {
        ...link,
        async run(which, keys, args) {
          if (!state.isBroken || which.name !== script) return link.run(which, keys, args);
          if (carriedOut) await link.run(which, keys, args);
          throw storeUnavailable('the line broke');
        },
      };
      const options = { keys: subject.keys, node: 'u', nowMs: () => Date.now(), occupancy: true };
      return { state, members: createRedisMembers({ link: broken, ...options }) };
    }

    it('whoever left is not put back, though nobody could be told yet', async () => {
      const { members, state } = await unlucky('members-quit', false);
      await members.join(ROOM, 'ann');
      await members.join(ROOM, 'bob');
      await expect(members.leave(ROOM, 'ann')).rejects.toThrow('the line broke');
      await subject.lose();
      await members.restore();
      expect((await members.page(ROOM, null, 10)).users).toEqual(['bob']);
      state.isBroken = false;
      await members.leave(ROOM, 'ann');
      expect(await told()).toEqual(['+ann', '+bob']);
    });

    it('a join whose answer was lost is told once, whatever is put right before it is repeated', async () => {
      const { members, state } = await unlucky('members-enter', true);
      state.isBroken = false;
      await members.join(ROOM, 'bob');
      state.isBroken = true;
      await expect(members.join(ROOM, 'ann')).rejects.toThrow('the line broke');
      state.isBroken = false;
      await members.restore();
      await members.count(ROOM);
      await members.join(ROOM, 'ann');
      expect(await told()).toEqual(['+bob', '+ann']);
      await members.leave(ROOM, 'ann');
      expect(await told()).toEqual(['-ann']);
    });

    it('whoever left without Redis having been told is let go of with the node, should it die', async () => {
      const { members } = await unlucky('members-quit', false);
      await members.join(ROOM, 'ann');
      await expect(members.leave(ROOM, 'ann')).rejects.toThrow('the line broke');
      await sweepMembersOf(subject.node('b'), 'u');
      expect(await told()).toEqual(['+ann', '-ann']);
    });

    it('so is the node itself', async () => {
      const { members } = await unlucky('members-occupancy', false);
      await expect(members.occupied(ROOM)).rejects.toThrow('the line broke');
      const later = await unlucky('members-occupancy', true);
      await expect(later.members.occupied(ROOM)).rejects.toThrow('the line broke');
      later.state.isBroken = false;
      expect((await sweepMembersOf(subject.node('b'), 'u')).vacated).toEqual([ROOM]);
    });

    it('a join whose answer was lost, and that is taken back, leaves nothing', async () => {
      const { members } = await unlucky('members-enter', true);
      await expect(members.join(ROOM, 'ann')).rejects.toThrow('the line broke');
      await members.leave(ROOM, 'ann');
      expect(await told()).toEqual(['+ann', '-ann']);
      expect(await subject.node('b').sweepNode('u', 10)).toEqual({ gone: 0, vacated: [] });
    });
  });

  it('keeps nothing of a channel that everybody left but its version, and that for an hour', async () => {
    const [a, b] = [subject.node('a'), subject.node('b')];
    await server.run('FLUSHALL');
    for (const node of [a, b]) {
      await node.join(ROOM, 'ann');
      await node.occupied(ROOM);
    }
    for (const node of [a, b]) {
      await node.leave(ROOM, 'ann');
      await node.vacated(ROOM);
    }
    const kept = (await server.run('KEYS', '*')) as string[];
    expect(kept).toHaveLength(1);
    const ttlMs = (await server.run('PTTL', kept[0] ?? '')) as number;
    expect(ttlMs).toBeGreaterThan(3_500_000);
    await a.join(ROOM, 'ann');
    expect(await server.run('PTTL', kept[0] ?? '')).toBe(-1);
  });
});

describe('Members in a Redis that loses what it was told last', () => {
  it('are put back by the nodes, without a word', async () => {
    const durable = await startRedis({ settings: [['save', '3600 1000000']] });
    const lossy = onServer(durable);
    const subject = await redisMembersSubject(lossy);
    await subject.watch('room:1');
    const [a, b] = [subject.node('a'), subject.node('b')];
    try {
      await a.join('room:1', 'ann');
      await durable.run('SAVE');
      await a.join('room:1', 'bob');
      await b.join('room:1', 'cid');
      await a.leave('room:1', 'ann');
      const { version } = await a.count('room:1');
      await durable.kill9();
      await durable.restart();
      await subject.reconnected();
      // As the snapshot has it.
      expect((await subject.node('c').page('room:1', null, 10)).users).toEqual(['ann']);
      await a.restore();
      await b.restore();
      expect(await subject.told('room:1')).toEqual([]);
      expect((await b.count('room:1')).version).toBeGreaterThan(version);
      expect((await b.page('room:1', null, 10)).users).toEqual(['bob', 'cid']);
    } finally {
      await subject.close();
      await lossy.close();
      await durable.stop();
    }
  });
});
