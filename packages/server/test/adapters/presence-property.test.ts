import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryBroker } from '../../src/adapters/memory/broker.ts';
import { createMemoryPresence } from '../../src/adapters/memory/presence.ts';
import { aggregate } from '../../src/core/presence/aggregate.ts';
import { createStampSource } from '../../src/core/presence/stamp.ts';
import { presenceTopic } from '../../src/ports/broker.ts';
import type { DevicePatch, PresenceRecord } from '../../src/ports/presence.ts';
import { createSlowDisk } from './slow-disk.ts';
import { T0, session } from './subjects.ts';

const USERS = ['alice', 'bob'];

type Who = { readonly user: string; readonly device: string; readonly session: string };
type Step =
  | { readonly kind: 'join' | 'update'; readonly who: Who; readonly patch: DevicePatch }
  | { readonly kind: 'leave'; readonly who: Who }
  | { readonly kind: 'write'; readonly count: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'crash'; readonly downMs: number };

const who = fc.record({
  user: fc.constantFrom(...USERS),
  device: fc.constantFrom('d1', 'd1', 'd2'),
  session: fc.constantFrom('s1', 's1', 's1', 's2'),
});
const patch: fc.Arbitrary<DevicePatch> = fc.record({
  s: fc.constantFrom(undefined, 'Online', 'Away', 'Busy', 'Offline', 'Invisible'),
  fields: fc.dictionary(fc.constantFrom('a', 'p'), fc.constantFrom('', 'x', 'y'), { noNullPrototype: true }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('join' as const), who, patch }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('update' as const), who, patch }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('leave' as const), who }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('write' as const), count: fc.integer({ min: 1, max: 5 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(5_000) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('crash' as const), downMs: fc.nat(5_000) }) },
);

/** What others may see. */
const seen = ({ user, s, fields, lastSeenMs }: PresenceRecord) =>
  `${user} ${s} ${lastSeenMs} ${['a', 'p'].map((name) => `${name}=${fields[name] ?? ''}`).join()}`;

describe('presence in random histories, with a slow disk and crashes', () => {
  it('followers who apply what is published hold what is read, and a crash brings back no less than was resolved', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), run), { numRuns: 600 });
  });
});

async function run(steps: readonly Step[]): Promise<void> {
  const disk = createSlowDisk(USERS);
  // Every session is kept, so that a device is dropped only by leaving it.
  for (const user of USERS)
    for (const device of ['d1', 'd2'])
      for (const id of ['s1', 's2']) {
        void disk.journal.putSession(session(`${user}-${device}-${id}`, user, device));
      }
  await disk.write(8);
  const nameOf = ({ user, device, session: id }: Who) => `${user}-${device}-${id}`;

  let nowMs = T0;
  let stamps = createStampSource(0);
  const broker = createMemoryBroker();
  const held = new Map<string, PresenceRecord>();
  let lastVersion = 0;
  broker.listen((topic, message) => {
    if (message.kind !== 'presence') return;
    const { record } = message;
    expect(topic).toBe(presenceTopic(record.user));
    expect(record.version, 'versions of a node rise').toBeGreaterThan(lastVersion);
    lastVersion = record.version;
    const before = held.get(record.user);
    if (before === undefined)
      expect(record.s, 'the first that is shown is not that nothing is there').not.toBe('Offline');
    else expect(seen(record), 'every publication shows a difference').not.toBe(seen(before));
    expect([0, before?.version ?? 0], 'the version before').toContain(message.prev);
    held.set(record.user, record);
  });
  for (const user of USERS) void broker.subscribe(presenceTopic(user));
  const begin = (restart?: Parameters<typeof createMemoryPresence>[0]['restart']) =>
    createMemoryPresence({
      broker,
      journal: disk.journal,
      lastSeen: disk.lastSeen,
      stamps,
      nowMs: () => nowMs,
      restart,
    });

  let store = begin();
  const read = async () => (await store.read(USERS)).map(seen).join('\n');
  let history = [await read()];
  let resolvedUpTo = 0;
  let life = 0;

  async function follow(call: Promise<unknown>): Promise<void> {
    const ofLife = life;
    const now = await read();
    // What shows no difference has nothing to wait for, and may resolve before the writes that led to this state.
    if (now !== history.at(-1)) {
      const index = history.push(now) - 1;
      void call.then(() => {
        if (life === ofLife) resolvedUpTo = Math.max(resolvedUpTo, index);
      });
    }
    for (const [record] of [await store.read(['alice']), await store.read(['bob'])]) {
      if (record === undefined) throw new Error('no record');
      const devices = Object.values(await store.devicesOf(record.user));
      const visible = aggregate(devices);
      expect(seen(record), 'what is read is the aggregate of the devices').toBe(
        seen({ ...record, ...visible }),
      );
      const told = held.get(record.user);
      if (told !== undefined) expect(seen(told), 'what was published is what is read').toBe(seen(record));
      else expect(record.s).toBe('Offline');
    }
  }

  for (const each of steps) {
    switch (each.kind) {
      case 'join':
        await follow(
          store.join(
            each.who.user,
            each.who.device,
            { kind: 'session', session: nameOf(each.who), generation: 1 },
            each.patch,
          ),
        );
        break;
      case 'update':
        await follow(
          store.update(
            each.who.user,
            each.who.device,
            { session: nameOf(each.who), generation: 1 },
            each.patch,
          ),
        );
        break;
      case 'leave':
        await follow(store.leave(each.who.user, each.who.device, nameOf(each.who)));
        break;
      case 'write':
        await disk.write(each.count);
        break;
      case 'pass':
        nowMs += each.ms;
        break;
      case 'crash': {
        const highest = stamps.last();
        disk.journal.alive(nowMs, highest);
        disk.crash();
        life++;
        nowMs += each.downMs;
        const contents = await disk.journal.load();
        stamps = createStampSource(contents.stamp);
        store = begin({ contents, nowMs });
        // Each life of the process holds all kept sessions on every device it finds.
        while (disk.waiting() > 0) await disk.write(10);
        const restored = await store.read(USERS);
        const now = restored.map(seen).join('\n');
        expect(history.slice(resolvedUpTo), 'a state at or after what was resolved').toContain(now);
        held.clear();
        lastVersion = highest;
        for (const record of restored) {
          if (record.s === 'Offline') continue;
          expect(record.version, 'restored versions lie above every stamp before').toBeGreaterThan(highest);
          lastVersion = Math.max(lastVersion, record.version);
          held.set(record.user, record);
        }
        history = [now];
        resolvedUpTo = 0;
      }
    }
  }
}
