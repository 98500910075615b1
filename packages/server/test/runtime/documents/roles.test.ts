import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../src/ports/authorizer.ts';
import type { ChannelHarnessOptions } from '../channels/channel-harness.ts';
import { channelSpec, createChannelHarness } from '../channels/channel-harness.ts';
import type { Harness, Wire } from '../harness.ts';
import { change, documentPorts, documentSpec, taken } from './document-harness.ts';

const channels = [
  documentSpec('doc:{id}'),
  documentSpec('own:{user}:{id}'),
  channelSpec('notes:{id}', { beside: 'doc:{id}' }),
  channelSpec('marks:{id}', { kind: 'signal', beside: 'doc:{id}' }),
  channelSpec('own-notes:{user}:{id}', { beside: 'own:{user}:{id}' }),
];
const no = { allow: false, code: 'forbidden', detail: 'no' } as const;
const away = { allow: false, code: 'unavailable', detail: 'down' } as const;

type Scene = Harness & {
  /** What the rule says from now on. */
  say(decision: Decision | (() => Decision | Promise<Decision>)): void;
  /** Channels that the rule was asked about. */
  readonly asked: string[];
};

async function scene(options: ChannelHarnessOptions = {}): Promise<Scene> {
  let says: () => Decision | Promise<Decision> = () => no;
  const asked: string[] = [];
  const harness = await createChannelHarness({
    channels,
    decide({ channel, action }) {
      asked.push(`${action} ${channel}`);
      return says();
    },
    ...options,
    ports: (ports) => ({ ...documentPorts(), ...options.ports?.(ports) }),
  });
  const say = (decision: Decision | (() => Decision | Promise<Decision>)): void => {
    says = typeof decision === 'function' ? decision : () => decision;
  };
  return { ...harness, say, asked };
}

const role = (given: 'none' | 'read' | 'comment' | 'write', untilMs: number | null = null): Decision => ({
  allow: true,
  untilMs,
  role: given,
});
const byRequest = (messages: Wire[]): Wire[] => messages.sort((a, b) => Number(a['i']) - Number(b['i']));

describe('[DOC5] roles', () => {
  it('opening a document with what lies beside it asks the rule once, and all of it goes by the answer', async () => {
    const { logIn, clock, say, asked } = await scene();
    const ann = await logIn('ann');
    say(() => Promise.resolve(role('comment')));
    ann.take();
    ann.send({ t: 'sub', c: 'notes:1', i: 1 });
    ann.send({ t: 'sub', c: 'doc:1', i: 2 });
    ann.send({ t: 'sub', c: 'marks:1', i: 3 });
    ann.send({ t: 'pub', c: 'notes:1', d: 'n', i: 4 });
    ann.send({ t: 'pub', c: 'marks:1', d: 'm', i: 5 });
    ann.send({ t: 'upd', c: 'doc:1', d: change(1, 0), i: 6 });
    await clock.settle();
    const answers = byRequest(ann.take().filter(({ t }) => t === 'ok' || t === 'err'));
    expect(answers).toMatchObject([
      { t: 'ok', i: 1 },
      { t: 'ok', i: 2, role: 'comment' },
      { t: 'ok', i: 3 },
      { t: 'ok', i: 4 },
      { t: 'ok', i: 5 },
      { t: 'err', i: 6, code: 'forbidden' },
    ]);
    expect(asked).toEqual(['subscribe doc:1']);
    expect(answers[0], "the role is the document's alone").not.toHaveProperty('role');
  });

  it.each([
    ['read', ['ok', 'ok', 'err', 'err']],
    ['comment', ['ok', 'ok', 'ok', 'err']],
    ['write', ['ok', 'ok', 'ok', 'ok']],
    ['none', ['err', 'err', 'err', 'err']],
  ] as const)('%s: to join, to read beside, to publish beside, to change', async (given, expected) => {
    const { logIn, clock, say } = await scene();
    say(role(given));
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'sub', c: 'doc:1', i: 1 });
    await clock.settle();
    ann.send({ t: 'sub', c: 'notes:1', i: 2 });
    ann.send({ t: 'pub', c: 'notes:1', d: 'n', i: 3, echo: false });
    ann.send({ t: 'upd', c: 'doc:1', d: change(1, 0), i: 4 });
    await clock.settle();
    const answers = byRequest(ann.take().filter(({ t }) => t === 'ok' || t === 'err'));
    expect(answers.map(({ t }) => t)).toEqual(expected);
    const refused = answers.filter(({ t, i }) => t === 'err' && !(given === 'none' && i === 4));
    for (const { code } of refused) expect(code).toBe('forbidden');
  });

  it('a yes without a role opens no document, and nothing beside it', async () => {
    const { logIn, clock, say } = await scene();
    say({ allow: true, untilMs: null });
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'sub', c: 'doc:1', i: 1 });
    ann.send({ t: 'sub', c: 'notes:1', i: 2 });
    ann.send({ t: 'hist', c: 'doc:1', i: 3 });
    await clock.settle();
    expect(byRequest(ann.take())).toMatchObject([1, 2, 3].map((i) => ({ t: 'err', i, code: 'forbidden' })));
  });

  it('the owner of a {user} document writes and nobody is asked; nobody else ever has a role there', async () => {
    const { logIn, clock, say, asked } = await scene();
    say(role('write'));
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'sub', c: 'own:ann:1', i: 1 });
    ann.send({ t: 'pub', c: 'own-notes:ann:1', d: 1, i: 2 });
    ann.send({ t: 'sub', c: 'own:bob:1', i: 3 });
    ann.send({ t: 'sub', c: 'own-notes:bob:1', i: 4 });
    ann.send({ t: 'pub', c: 'own-notes:bob:1', d: 1, i: 5 });
    const g = JSON.stringify(['ann', 'own:bob:1', 1e15, 'write']);
    ann.send({ t: 'sub', c: 'own:bob:1', g, i: 6 });
    await clock.settle();
    expect(byRequest(ann.take().filter(({ t }) => t !== 'aw'))).toMatchObject([
      { t: 'ok', i: 1, role: 'write' },
      { t: 'ok', i: 2 },
      ...[3, 4, 5, 6].map((i) => ({ t: 'err', i, code: 'forbidden' })),
    ]);
    expect(asked).toEqual([]);
  });

  it('a grant gives its role, an older one without any `read`, and lies beside nothing', async () => {
    const { logIn, clock, node, asked } = await scene();
    const grantOf = async (given?: 'read' | 'comment' | 'write'): Promise<string> => {
      const signed = await node.grant('ann', 'doc:1', 60_000, given);
      return signed.ok ? signed.value.grant : '';
    };
    for (const [g, expected] of [
      [await grantOf('write'), 'write'],
      [await grantOf(), 'read'],
      [JSON.stringify(['ann', 'doc:1', clock.nowMs() + 60_000]), 'read'],
    ] as const) {
      const ann = await logIn('ann');
      ann.take();
      ann.send({ t: 'sub', c: 'doc:1', i: 1, g });
      await clock.settle();
      expect(ann.last('ok')).toMatchObject({ i: 1, role: expected, until: clock.nowMs() + 60_000 });
      ann.send({ t: 'sub', c: 'notes:1', i: 2 });
      await clock.settle();
      expect(ann.last('ok')).toMatchObject({ i: 2 });
      ann.send({ t: 'sub', c: 'notes:1', i: 3, g: JSON.stringify(['ann', 'notes:1', 1e15, 'write']) });
      await clock.settle();
      expect(ann.last('err')).toMatchObject({ i: 3, code: 'grant_invalid' });
    }
    expect(asked).toEqual([]);
    expect(await node.grant('ann', 'notes:1', 60_000)).toMatchObject({ ok: false, code: 'kind_mismatch' });
    expect(await node.subscribeUser('ann', 'notes:1', 60_000)).toMatchObject({
      ok: false,
      code: 'kind_mismatch',
    });
  });

  it('with a grant that ran out the subscription ends; what the rule gave goes on for as long as it says so', async () => {
    const { logIn, clock, say, node, asked } = await scene();
    const signed = await node.grant('ann', 'doc:1', 5_000, 'write');
    const ann = await logIn('ann');
    ann.send({ t: 'sub', c: 'doc:1', i: 1, g: signed.ok ? signed.value.grant : '' });
    const bob = await logIn('bob');
    say(() => role('write', clock.nowMs() + 5_000));
    bob.send({ t: 'sub', c: 'doc:1', i: 1 });
    await clock.settle();
    expect(bob.last('ok'), 'no grant that a client could come back with').not.toHaveProperty('g');
    expect(bob.last('ok')).not.toHaveProperty('until');
    await clock.advance(60_000);
    expect(taken(ann, 'unsub')).toMatchObject([{ c: 'doc:1', code: 'grant_invalid' }]);
    expect(asked.length).toBeGreaterThan(8);
    expect(bob.take().filter(({ t }) => t === 'role' || t === 'unsub')).toEqual([]);
    say(role('read'));
    await clock.advance(6_000);
    expect(taken(bob, 'role')).toMatchObject([{ c: 'doc:1', role: 'read' }]);
    expect(node.counts().timers).toBeLessThan(10);
  });

  it('nobody follows a document, nor what lies beside one, by a ticket ([TKT1])', async () => {
    const { logIn, clock, node, say } = await scene();
    say(role('write'));
    const ann = await logIn('ann');
    for (const c of ['doc:1', 'notes:1']) {
      ann.take();
      ann.send({ t: 'ticket', c, i: 1 });
      await clock.settle();
      expect(ann.take()).toMatchObject([{ t: 'err', i: 1, code: 'kind_mismatch' }]);
      expect(await node.tickets.issue('ann', c, 60_000)).toMatchObject({ code: 'kind_mismatch' });
    }
  });
});

describe('[DOC5] a role that changes', () => {
  async function joined(
    given: Decision,
  ): Promise<{ readonly room: Scene; readonly ann: Awaited<ReturnType<Scene['logIn']>> }> {
    const room = await scene();
    room.say(given);
    const ann = await room.logIn('ann');
    ann.send({ t: 'sub', c: 'doc:1', i: 1 });
    ann.send({ t: 'sub', c: 'notes:1', i: 2 });
    await room.clock.settle();
    ann.take();
    room.asked.length = 0;
    return { room, ann };
  }

  it('is told, up and down, and counts in that turn for what lies beside too; the rule is asked once', async () => {
    const { room, ann } = await joined(role('write'));
    for (const [given, pub, upd] of [
      ['read', 'err', 'err'],
      ['comment', 'ok', 'err'],
      ['write', 'ok', 'ok'],
    ] as const) {
      room.say(role(given));
      expect(await room.node.recheckRole('ann', 'doc:1')).toEqual({ ok: true, value: undefined });
      await room.clock.settle();
      expect(room.asked.splice(0)).toEqual(['subscribe doc:1']);
      expect(taken(ann, 'role')).toMatchObject([{ c: 'doc:1', role: given }]);
      ann.send({ t: 'pub', c: 'notes:1', d: 'x', i: 3, echo: false });
      ann.send({ t: 'upd', c: 'doc:1', d: change(7, 0), i: 4 });
      await room.clock.settle();
      const answers = byRequest(ann.take().filter(({ t }) => t === 'ok' || t === 'err'));
      expect(answers.map(({ t }) => t)).toEqual([pub, upd]);
    }
    expect(room.asked).toEqual([]);
  });

  it('is not told where it is what it was', async () => {
    const { room, ann } = await joined(role('comment'));
    await room.node.recheckRole('ann', 'doc:1');
    await room.clock.settle();
    expect(ann.take()).toEqual([]);
  });

  it('`none`, or a no, ends the document and what lies beside it, with `forbidden`; both may be asked for again', async () => {
    for (const last of [no, role('none')]) {
      const { room, ann } = await joined(role('write'));
      room.say(last);
      expect(await room.node.recheckRole('ann', 'doc:1')).toMatchObject({ ok: true });
      await room.clock.settle();
      const told = ann.take();
      expect(new Set(told.map(({ t, c, code }) => `${t} ${String(c)} ${String(code)}`))).toEqual(
        new Set(['unsub doc:1 forbidden', 'unsub notes:1 forbidden']),
      );
      expect(room.node.counts()).toMatchObject({ subscriptions: 0, channels: 0 });
      ann.send({ t: 'upd', c: 'doc:1', d: change(7, 0), i: 5 });
      ann.send({ t: 'sub', c: 'notes:1', i: 6 });
      await room.clock.settle();
      expect(byRequest(ann.take())).toMatchObject([
        { t: 'err', i: 5, code: 'not_subscribed' },
        { t: 'err', i: 6, code: 'forbidden' },
      ]);
    }
  });

  it('of one user leaves the others alone; of everybody asks for each, and leaves grants', async () => {
    const { room, ann } = await joined(role('write'));
    const bob = await room.logIn('bob');
    bob.send({ t: 'sub', c: 'doc:1', i: 1 });
    const guest = await room.logIn('guest');
    const signed = await room.node.grant('guest', 'doc:1', 600_000, 'comment');
    guest.send({ t: 'sub', c: 'doc:1', i: 1, g: signed.ok ? signed.value.grant : '' });
    await room.clock.settle();
    for (const client of [ann, bob, guest]) client.take();
    room.say(role('read'));
    room.asked.length = 0;
    await room.node.recheckRole('bob', 'doc:1');
    await room.clock.settle();
    expect([ann, bob, guest].map((client) => taken(client, 'role').length)).toEqual([0, 1, 0]);
    await room.node.recheckRole(null, 'doc:1');
    await room.clock.settle();
    expect([ann, bob, guest].map((client) => taken(client, 'role').length)).toEqual([1, 0, 0]);
    expect(room.asked).toHaveLength(3);
    await room.node.unsubscribeUser('guest', 'doc:1');
    await room.clock.settle();
    expect(taken(guest, 'unsub')).toMatchObject([{ c: 'doc:1', code: 'forbidden' }]);
  });

  it('an answer to an older question counts no more, whichever comes first', async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ] as const) {
      const { room, ann } = await joined(role('write'));
      const answers: ((decision: Decision) => void)[] = [];
      room.say(() => new Promise<Decision>((resolve) => answers.push(resolve)));
      const rechecks = [room.node.recheckRole('ann', 'doc:1'), room.node.recheckRole('ann', 'doc:1')];
      await room.clock.settle();
      const said = [role('write'), role('read')] as const;
      for (const which of order) {
        answers[which]?.(said[which]);
        await room.clock.settle();
      }
      expect(await Promise.all(rechecks)).toMatchObject([{ ok: true }, { ok: true }]);
      expect(taken(ann, 'role')).toMatchObject([{ role: 'read' }]);
    }
  });

  it('whoever was let in by an answer that was overtaken has the newer one', async () => {
    const room = await scene();
    const answers: ((decision: Decision) => void)[] = [];
    room.say(() => new Promise<Decision>((resolve) => answers.push(resolve)));
    const ann = await room.logIn('ann');
    ann.take();
    ann.send({ t: 'sub', c: 'doc:1', i: 1 });
    await room.clock.settle();
    const recheck = room.node.recheckRole('ann', 'doc:1');
    answers[0]?.(role('write'));
    await room.clock.settle();
    expect(ann.take()).toEqual([]);
    answers[1]?.(role('read'));
    await recheck;
    await room.clock.settle();
    expect(ann.last('ok')).toMatchObject({ i: 1, role: 'read' });
  });

  it('a role that went away while the document was being opened opens nothing', async () => {
    let opened = (): void => undefined;
    const room = await scene({
      ports: ({ broker }) => ({
        broker: {
          ...broker,
          subscribe: (topic) =>
            topic === 'channel:doc:1'
              ? new Promise<void>((resolve) => {
                  opened = () => resolve(broker.subscribe(topic));
                })
              : broker.subscribe(topic),
        },
      }),
    });
    room.say(role('write'));
    const ann = await room.logIn('ann');
    ann.take();
    ann.send({ t: 'sub', c: 'doc:1', i: 1 });
    await room.clock.settle();
    room.say(no);
    await room.node.recheckRole('ann', 'doc:1');
    opened();
    await room.clock.settle();
    expect(ann.take()).toMatchObject([{ t: 'err', i: 1, code: 'forbidden' }]);
    expect(room.node.counts()).toMatchObject({ subscriptions: 0, channels: 0 });
  });

  it('what a writer sent before, and what waits for the log, is refused once the role has sunk', async () => {
    const held: (() => void)[] = [];
    const room = await scene({
      channels: [documentSpec('doc:{id}', { durability: 'stored' })],
      ports: ({ logs }) => ({
        logs: {
          ...logs,
          stored: {
            ...logs.stored,
            append: (asked) => new Promise((resolve) => held.push(() => resolve(logs.stored.append(asked)))),
          },
        },
      }),
    });
    room.say(role('write'));
    const ann = await room.logIn('ann');
    const others = await Promise.all([0, 1, 2, 3, 4].map((n) => room.logIn(`writer${n}`)));
    for (const client of [ann, ...others]) client.send({ t: 'sub', c: 'doc:1', i: 1 });
    await room.clock.settle();
    for (const client of [ann, ...others]) client.take();
    // Updates of one node are pipelined up to a bound: what is with the log is taken, the rest waits.
    for (const [n, client] of others.entries())
      for (let i = 0; i < 50; i++) client.send({ t: 'upd', c: 'doc:1', d: change(10 + n, i), i });
    await room.clock.settle();
    for (let i = 0; i < 20; i++) ann.send({ t: 'upd', c: 'doc:1', d: change(7, i), i });
    await room.clock.settle();
    const withLog = held.length - 250;
    expect(withLog).toBeGreaterThan(0);
    expect(withLog).toBeLessThan(20);
    room.say(role('read'));
    await room.node.recheckRole('ann', 'doc:1');
    // As they come back there is room for those that wait.
    while (held.length > 0) {
      for (const release of held.splice(0)) release();
      await room.clock.settle();
    }
    const answers = byRequest(ann.take().filter(({ t }) => t === 'ok' || t === 'err'));
    expect(answers).toHaveLength(20);
    expect(answers.filter(({ t }) => t === 'ok').map(({ i }) => i)).toEqual(
      Array.from({ length: withLog }, (_, i) => i),
    );
    for (const { code } of answers.slice(withLog)) expect(code).toBe('forbidden');
    const shown = others[0]!.take().filter(({ t, by }) => t === 'p' && by === 'ann');
    expect(shown).toHaveLength(withLog);
  });

  it('a rule that cannot be asked leaves the role for a while, is asked again with growing pauses, and then ends it', async () => {
    const { room, ann } = await joined(role('write'));
    room.say(away);
    expect(await room.node.recheckRole('ann', 'doc:1')).toMatchObject({ ok: false, code: 'unavailable' });
    await room.clock.advance(59_000);
    expect(ann.take().filter(({ t }) => t !== 'hb')).toEqual([]);
    expect(room.asked.length).toBeGreaterThan(4);
    expect(room.asked.length).toBeLessThan(12);
    ann.send({ t: 'upd', c: 'doc:1', d: change(7, 0), i: 3 });
    await room.clock.settle();
    expect(taken(ann, 'ok')).toMatchObject([{ i: 3 }]);
    await room.clock.advance(3_000);
    expect(taken(ann, 'unsub').map(({ c, code }) => [c, code])).toEqual([
      ['doc:1', 'unavailable'],
      ['notes:1', 'unavailable'],
    ]);
  });

  it('a rule that can be asked again in time counts from then on', async () => {
    const { room, ann } = await joined(role('write'));
    room.say(away);
    await room.node.recheckRole('ann', 'doc:1');
    room.say(role('comment'));
    await room.clock.advance(3_000);
    expect(taken(ann, 'role')).toMatchObject([{ role: 'comment' }]);
    const timers = room.node.counts().timers;
    await room.clock.advance(120_000);
    expect(ann.take().filter(({ t }) => t === 'unsub')).toEqual([]);
    expect(room.node.counts().timers).toBeLessThanOrEqual(timers);
  });

  it('of a session in its grace is what its client finds when it comes back', async () => {
    const { room, ann } = await joined(role('write'));
    ann.drop();
    room.say(role('read'));
    await room.node.recheckRole('ann', 'doc:1');
    const back = await room.logIn('ann', { resume: ann.last('token')?.['token'] });
    back.send({ t: 'sub', c: 'doc:1', i: 9 });
    await room.clock.settle();
    expect(back.last('ok')).toMatchObject({ i: 9, role: 'read' });
  });

  it('is refused for what is no document, and for a user or channel that cannot be', async () => {
    const { node } = await scene();
    expect(await node.recheckRole('ann', 'notes:1')).toMatchObject({ ok: false, code: 'kind_mismatch' });
    expect(await node.recheckRole('ann', 'nothing:1')).toMatchObject({ ok: false, code: 'channel_unknown' });
    expect(await node.recheckRole('', 'doc:1')).toMatchObject({ ok: false, code: 'user_id_invalid' });
    expect(await node.recheckRole(null, 'doc:1')).toMatchObject({ ok: true });
  });

  it('no timer and no role is left of sessions that ended', async () => {
    const room = await scene();
    room.say(() => role('write', room.clock.nowMs() + 10_000));
    const before = room.node.counts().timers;
    for (let i = 0; i < 5; i++) {
      const ann = await room.logIn(`u${i}`);
      ann.send({ t: 'sub', c: 'doc:1', i: 1 });
      ann.send({ t: 'sub', c: 'notes:1', i: 2 });
      await room.clock.settle();
      ann.send({ t: 'logout' });
      await room.clock.settle();
    }
    await room.clock.advance(40_000);
    expect(room.node.counts().timers).toBe(before);
  });
});
