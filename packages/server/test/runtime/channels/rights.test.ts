import { describe, expect, it } from 'vitest';
import type { AuthorizeRequest } from '../../../src/ports/authorizer.ts';
import type { Wire } from '../harness.ts';
import { channelSpec, createChannelHarness } from './channel-harness.ts';

const channels = [
  channelSpec('chat:{room}'),
  channelSpec('tasks:{user}', { kind: 'map' }),
  channelSpec('notes:{user}', { ownerPublishes: true }),
];
const no = { allow: false, code: 'forbidden', detail: 'no' } as const;
const yes = { allow: true, untilMs: null } as const;

describe('who may', () => {
  it('[CHN3] a channel of a user is open to its owner and, whatever a rule says, to nobody else', async () => {
    const { logIn, clock } = await createChannelHarness({ channels, decide: () => yes });
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'sub', c: 'tasks:ann', i: 1 });
    ann.send({ t: 'sub', c: 'tasks:bob', i: 2 });
    ann.send({ t: 'pub', c: 'notes:ann', d: 1, i: 3 });
    ann.send({ t: 'pub', c: 'notes:bob', d: 1, i: 4 });
    ann.send({ t: 'hist', c: 'notes:bob', i: 5 });
    ann.send({ t: 'page', c: 'tasks:bob', i: 6 });
    ann.send({ t: 'sub', c: 'tasks:bob', i: 7, g: JSON.stringify(['ann', 'tasks:bob', 1e15]) });
    await clock.settle();
    // Channels do not wait for each other, so their answers may come in any order.
    const answers = ann.take().sort((a, b) => Number(a['i']) - Number(b['i']));
    expect(answers).toMatchObject([
      { t: 'ok', i: 1 },
      { t: 'err', i: 2, code: 'forbidden' },
      { t: 'ok', i: 3 },
      ...[4, 5, 6, 7].map((i) => ({ t: 'err', code: 'forbidden', i })),
    ]);
  });

  it('[CHN3] everything is closed that no rule opens, for subscribing and for publishing apart', async () => {
    const asked: AuthorizeRequest[] = [];
    const { logIn, clock } = await createChannelHarness({
      channels,
      decide(request) {
        asked.push(request);
        return request.action === 'subscribe' && request.params['room'] === 'open' ? yes : no;
      },
    });
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'sub', c: 'chat:open', i: 1 });
    await clock.settle();
    ann.send({ t: 'sub', c: 'chat:closed', i: 2 });
    await clock.settle();
    ann.send({ t: 'pub', c: 'chat:open', d: 1, i: 3 });
    await clock.settle();
    ann.send({ t: 'pub', c: 'tasks:ann', k: 'k', d: 1, i: 4 });
    await clock.settle();
    expect(ann.take()).toMatchObject([
      { t: 'ok', i: 1 },
      { t: 'err', i: 2, code: 'forbidden' },
      { t: 'err', i: 3, code: 'forbidden' },
      { t: 'err', i: 4, code: 'forbidden' },
    ]);
    expect(asked.map(({ channel, action, pattern, params }) => [channel, action, pattern, params])).toEqual([
      ['chat:open', 'subscribe', 'chat:{room}', { room: 'open' }],
      ['chat:closed', 'subscribe', 'chat:{room}', { room: 'closed' }],
      ['chat:open', 'publish', 'chat:{room}', { room: 'open' }],
      ['tasks:ann', 'publish', 'tasks:{user}', { user: 'ann' }],
    ]);
  });

  it('[CHN7] a right is not asked for again while the session has it; a grant stands for it', async () => {
    let asked = 0;
    const { logIn, clock } = await createChannelHarness({
      channels,
      decide() {
        asked++;
        return { allow: true, untilMs: clock.nowMs() + 3_600_000 };
      },
    });
    const ann = await logIn('ann');
    ann.send({ t: 'sub', c: 'chat:a', i: 1 });
    await clock.settle();
    const { g, until } = ann.last('ok') as Wire;
    expect(until).toBe(clock.nowMs() + 3_600_000);
    ann.drop();
    const back = await logIn('ann', { resume: ann.last('token')?.['token'] });
    back.send({ t: 'sub', c: 'chat:a', i: 2 });
    await clock.settle();
    expect(back.last('ok')).toMatchObject({ i: 2 });
    const elsewhere = await logIn('ann');
    elsewhere.send({ t: 'sub', c: 'chat:a', i: 3, g });
    await clock.settle();
    expect(elsewhere.last('ok')).toMatchObject({ i: 3 });
    expect(asked).toBe(1);
  });

  it('[CHN6] where a right runs out the rule is asked once more, and the subscription ends where it says no', async () => {
    let open = true;
    const { logIn, clock } = await createChannelHarness({
      channels,
      decide: () => (open ? { allow: true, untilMs: clock.nowMs() + 10_000 } : no),
    });
    const ann = await logIn('ann');
    ann.send({ t: 'sub', c: 'chat:a', i: 1 });
    await clock.advance(12_000);
    expect(ann.last('unsub')).toBeUndefined();
    open = false;
    await clock.advance(12_000);
    expect(ann.last('unsub')).toMatchObject({ c: 'chat:a', code: 'forbidden' });
  });

  it('a rule that cannot answer denies, and the client may try again', async () => {
    const { logIn, clock } = await createChannelHarness({
      channels,
      decide: () => ({ allow: false, code: 'unavailable', detail: 'nobody home' }),
    });
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'sub', c: 'chat:a', i: 1 });
    await clock.settle();
    expect(ann.take()).toMatchObject([
      { t: 'err', i: 1, code: 'unavailable', retryAfterMs: expect.any(Number) },
    ]);
  });

  it('a session that ends while the rule is being asked is not subscribed', async () => {
    let answer = (): void => {};
    const { logIn, clock, node } = await createChannelHarness({
      channels,
      decide: () => new Promise((resolve) => (answer = () => resolve(yes))),
    });
    const ann = await logIn('ann');
    ann.send({ t: 'sub', c: 'chat:a', i: 1 });
    await clock.settle();
    ann.send({ t: 'logout' });
    await clock.settle();
    answer();
    await clock.settle();
    expect(node.counts()).toMatchObject({ channels: 0, subscriptions: 0 });
  });

  it('[CHN8] the app subscribes a user by an invitation, and unsubscribes them', async () => {
    const { logIn, clock, node } = await createChannelHarness({ channels, decide: () => no });
    const ann = await logIn('ann');
    ann.take();
    expect(await node.subscribeUser('ann', 'chat:a', 60_000)).toMatchObject({ ok: true });
    await clock.settle();
    const [invitation] = ann.take();
    expect(invitation).toMatchObject({ t: 'sub', c: 'chat:a' });
    ann.send({ t: 'sub', c: 'chat:a', i: 1, g: invitation?.['g'] });
    await clock.settle();
    expect(ann.take()).toMatchObject([{ t: 'ok', i: 1 }]);
    await node.unsubscribeUser('ann', 'chat:a');
    await clock.settle();
    expect(ann.take()).toMatchObject([{ t: 'unsub', c: 'chat:a', code: 'forbidden' }]);
    expect(node.counts()).toMatchObject({ channels: 0, subscriptions: 0 });
  });

  it('a revocation ends the open sessions of the user at once', async () => {
    const { logIn, clock, node } = await createChannelHarness({ channels });
    const ann = await logIn('ann');
    const bob = await logIn('bob');
    await node.revoke({ user: 'ann' });
    await clock.settle();
    expect(ann.closeCode).toBe(4208);
    expect(bob.closeCode).toBeNull();
  });
});
