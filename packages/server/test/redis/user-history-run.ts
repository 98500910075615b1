import { expect } from 'vitest';
import { createStampSource } from '../../src/core/presence/stamp.ts';
import { type PresenceMessage, presenceTopic } from '../../src/ports/broker.ts';
import type { PresenceRecord } from '../../src/ports/presence.ts';
import type { SessionRecord } from '../../src/ports/sessions.ts';
import { passRenewing, sweepAll } from '../../src/testing/cluster-subject.ts';
import { GRACE_MS } from '../adapters/subjects.ts';
import { type Call, createCalls } from './user-history-calls.ts';
import { type Step, NODES, USERS } from './user-history.ts';
import { createModel } from './user-history-model.ts';
import { LEASE_MS, type NodeUnderTest, type RedisUnderTest, openMany } from './user-store-subjects.ts';

/** Runs a history on the model and on Redis, and compares every answer, everything published, and all that can be read. */
export async function runHistory(redis: RedisUnderTest, steps: readonly Step[]): Promise<void> {
  const subject = await openMany(redis, createStampSource(0));
  const nodes: NodeUnderTest[] = [];
  for (let i = 0; i < NODES; i++) nodes.push(await subject.start());
  for (const node of nodes) await node.cluster.renew();
  for (const user of USERS) {
    await subject.directory.ensureUser(user);
    await subject.listener.subscribe(presenceTopic(user));
  }
  const first = nodes[0]!;
  const model = createModel(() => first.nowMs());
  const calls = createCalls(model, nodes);
  const last = new Map<string, PresenceRecord>();
  const erased = new Set<string>();

  /** Several at once on one node: they are carried out in the order of the calls. */
  async function makeAll(node: NodeUnderTest, made: readonly Call[]): Promise<void> {
    // A session that lives elsewhere is ended by its id: whose it is, is learnt first.
    for (const user of USERS) await node.sessions.sessionsOf(user);
    const answers = await Promise.all(made.map(({ make }) => make(node)));
    answers.forEach((answer, i) => expect(answer, made[i]!.what).toEqual(made[i]!.expected));
  }

  async function die(dead: NodeUnderTest): Promise<void> {
    const others = nodes.filter((node) => node !== dead);
    await passRenewing(subject, LEASE_MS + GRACE_MS, ...others);
    const swept = await Promise.all(others.map((node) => sweepAll(node, dead.cluster.node, 2)));
    const expected = await model.sweep(dead.cluster.node, first.nowMs());
    expect(
      swept.reduce((sum, { ended }) => sum + ended, 0),
      'sessions swept',
    ).toBe(expected.ended);
    expect(swept.flatMap(({ leases }) => leases).toSorted(), 'statuses taken over').toEqual(expected.taken);
    swept.forEach(({ leases }, i) => {
      for (const lease of leases) model.setBy(others[i]!.cluster.node, lease);
    });
    await dead.cluster.renew();
  }

  /** @param swept all of a user's sessions on the dead node went in one step, which others see as one change */
  async function compare(reader: NodeUnderTest, swept: boolean): Promise<void> {
    const published = await subject.published();
    for (const { prev, record } of published) {
      const before = last.get(record.user);
      expect(
        erased.has(record.user) ? [0, before?.version] : [before?.version ?? 0],
        'the version before',
      ).toContain(prev);
      if (before !== undefined) expect(seen(record), 'a difference').not.toEqual(seen(before));
      expect(record.version, 'versions rise').toBeGreaterThan(before?.version ?? 0);
      last.set(record.user, record);
    }
    const expected = model.published();
    const users = published.map(({ record }) => record.user);
    if (swept) expect(users, 'what was published of users').toEqual([...new Set(users)]);
    else expect(published.map(seenIn), 'what was published').toEqual(expected.map(seenIn));
    expect(
      nodes
        .flatMap(({ shown }) => shown.splice(0))
        .map(({ version }) => version)
        .toSorted((one, another) => one - another),
      'what nodes were told of themselves',
    ).toEqual(published.map(({ record }) => record.version).toSorted((one, another) => one - another));
    expect((await reader.presence.read(USERS)).map(seen), 'what is read').toEqual(
      (await model.presence.read(USERS)).map(seen),
    );
    for (const user of USERS) {
      const sessions = sorted(await reader.sessions.sessionsOf(user));
      expect(sessions, 'sessions').toEqual(sorted(await model.sessions.sessionsOf(user)));
      expect(states(await reader.presence.devicesOf(user)), 'devices').toEqual(
        states(await model.presence.devicesOf(user)),
      );
      for (const { node } of sessions) {
        const index = subject.keys.node(node, 'holders');
        expect(await reader.link.command(index, 'SISMEMBER', index, user), 'the home lists the user').toBe(1);
      }
    }
  }

  try {
    for (const [i, step] of steps.entries()) {
      switch (step.kind) {
        case 'acts': {
          const made: Call[] = [];
          for (const act of step.acts) {
            if (act.kind === 'erase') erased.add(act.user);
            const call = await calls.next(step.node, act);
            if (call !== null) made.push(call);
          }
          await makeAll(nodes[step.node]!, made);
          calls.answered();
          break;
        }
        case 'pass':
          await passRenewing(subject, step.ms, ...nodes);
          break;
        case 'die':
          await die(nodes[step.node]!);
      }
      await compare(nodes[i % NODES]!, step.kind === 'die');
    }
  } finally {
    await subject.close();
  }
}

/** What others may see. */
function seen({ user, s, fields, lastSeenMs }: PresenceRecord): unknown {
  return { user, s, fields, lastSeenMs };
}

function seenIn({ record }: PresenceMessage): unknown {
  return seen(record);
}

function sorted(sessions: readonly SessionRecord[]): readonly SessionRecord[] {
  return sessions.toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

function states(devices: Readonly<Record<string, { s: string; fields: unknown }>>): unknown {
  return new Map(Object.entries(devices).map(([device, { s, fields }]) => [device, { s, fields }]));
}
