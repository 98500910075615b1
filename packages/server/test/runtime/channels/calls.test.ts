import { describe, expect, it } from 'vitest';
import { callSpec, createChannelHarness } from './channel-harness.ts';

const failing = (callError: string, data: unknown): never => {
  throw Object.assign(new Error('it is gone'), { callError, data });
};

describe('calls of clients', () => {
  it('[CALL1] exactly one answer: the output, an error of the app, or that nobody serves it', async () => {
    const { logIn, clock } = await createChannelHarness({
      calls: [
        [callSpec('double'), (input) => (input as number) * 2],
        [
          callSpec('gone', { errors: new Map([['gone', (value) => ({ ok: true, value })]]) }),
          () => failing('gone', { id: 7 }),
        ],
        [callSpec('undeclared'), () => failing('other', {})],
        [
          callSpec('picky', {
            validateInput: () => ({ ok: false, path: '/a', detail: 'expected a number' }),
          }),
          () => 1,
        ],
        [callSpec('liar', { validateOutput: () => ({ ok: false, path: '', detail: 'no' }) }), () => 1],
      ],
    });
    const ann = await logIn('ann');
    ann.take();
    ['double', 'gone', 'undeclared', 'picky', 'liar', 'nobody'].forEach((n, i) =>
      ann.send({ t: 'call', n, i, d: 21 }),
    );
    await clock.settle();
    const answers = ann.take();
    expect(answers).toHaveLength(6);
    expect(answers).toContainEqual({ t: 'ok', i: 0, d: 42 });
    expect(answers).toContainEqual(
      expect.objectContaining({ i: 1, code: 'call_failed', n: 'gone', d: { id: 7 } }),
    );
    expect(answers).toContainEqual(expect.objectContaining({ i: 2, code: 'internal' }));
    expect(answers).toContainEqual(expect.objectContaining({ i: 3, code: 'payload_invalid', path: '/a' }));
    expect(answers).toContainEqual(expect.objectContaining({ i: 4, code: 'internal' }));
    expect(answers).toContainEqual(expect.objectContaining({ i: 5, code: 'call_unknown' }));
  });

  it('[CALL2] a call is over after its time, when it is called off and when the session ends; the handler is told', async () => {
    const signals: AbortSignal[] = [];
    const { logIn, clock, node } = await createChannelHarness({
      calls: [
        [
          callSpec('wait', { timeoutMs: 5_000 }),
          (_input, { signal }) => {
            signals.push(signal);
            return new Promise(() => {});
          },
        ],
      ],
    });
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'call', n: 'wait', i: 1, ms: 1_000 });
    ann.send({ t: 'call', n: 'wait', i: 2, ms: 60_000 });
    ann.send({ t: 'call', n: 'wait', i: 3 });
    await clock.settle();
    ann.send({ t: 'cancel', r: 3 });
    await clock.advance(1_000);
    expect(ann.take()).toMatchObject([
      { i: 3, code: 'cancelled' },
      { i: 1, code: 'deadline_exceeded' },
    ]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false, true]);
    await clock.advance(4_000);
    expect(ann.take()).toMatchObject([{ i: 2, code: 'deadline_exceeded' }]);
    ann.send({ t: 'call', n: 'wait', i: 4 });
    await clock.settle();
    ann.send({ t: 'logout' });
    await clock.settle();
    expect(signals[3]?.aborted).toBe(true);
    expect(node.counts()).toMatchObject({ calls: 0, timers: 0 });
  });

  it('[MSG5] a connection numbers its own calls, also where one of an older connection is still being served', async () => {
    const answers: ((output: string) => void)[] = [];
    const { logIn, clock, node } = await createChannelHarness({
      calls: [[callSpec('wait'), () => new Promise((resolve) => answers.push(resolve))]],
    });
    const ann = await logIn('ann');
    ann.send({ t: 'call', n: 'wait', i: 1 });
    await clock.settle();
    ann.drop();
    const back = await logIn('ann', { resume: ann.last('token')?.['token'] });
    back.take();
    back.send({ t: 'cancel', r: 1 });
    back.send({ t: 'call', n: 'wait', i: 1 });
    await clock.settle();
    expect(node.counts()).toMatchObject({ calls: 2 });
    answers.forEach((answer, i) => answer(`answer ${i}`));
    await clock.settle();
    expect(back.take()).toEqual([{ t: 'ok', i: 1, d: 'answer 1' }]);
    expect(node.counts()).toMatchObject({ calls: 0 });
  });

  it('[CALL4] one call too many at once is refused', async () => {
    const { logIn, clock } = await createChannelHarness({
      calls: [[callSpec('wait'), () => new Promise(() => {})]],
      settings: { callsPerSession: 2 },
    });
    const ann = await logIn('ann');
    ann.take();
    for (let i = 1; i <= 3; i++) ann.send({ t: 'call', n: 'wait', i });
    await clock.settle();
    expect(ann.take()).toMatchObject([{ i: 3, code: 'rate_limited', retryAfterMs: expect.any(Number) }]);
  });
});

describe('calls of the server', () => {
  const confirm = callSpec('confirm', { errors: new Map([['busy', (value) => ({ ok: true, value })]]) });

  it('[CALL3] all sessions of a user are asked, and each answers for itself, once', async () => {
    const { logIn, clock, node } = await createChannelHarness({ clientCalls: [confirm] });
    const phone = await logIn('ann');
    const desk = await logIn('ann');
    const silent = await logIn('ann');
    const asking = node.ask({ user: 'ann' }, 'confirm', { text: 'sure?' });
    await clock.settle();
    expect(phone.last('call')).toMatchObject({ n: 'confirm', d: { text: 'sure?' }, ms: 5_000 });
    phone.send({ t: 're', r: phone.last('call')?.['i'], d: true });
    desk.send({ t: 're', r: desk.last('call')?.['i'], code: 'busy', d: { until: 1 } });
    await clock.settle();
    phone.take();
    phone.send({ t: 're', r: phone.last('call')?.['i'], d: false });
    phone.send({ t: 're', r: 999, d: false });
    await clock.advance(5_000);
    expect(phone.take()).toMatchObject([
      { t: 'err', code: 'reply_unknown' },
      { t: 'err', code: 'reply_unknown' },
    ]);
    const sessionOf = (client: typeof phone) => client.last('token')?.['session'];
    expect(await asking).toEqual({
      ok: true,
      value: [
        { session: sessionOf(phone), ok: true, output: true },
        { session: sessionOf(desk), ok: false, code: 'call_failed', error: 'busy', data: { until: 1 } },
        { session: sessionOf(silent), ok: false, code: 'deadline_exceeded', error: null, data: undefined },
      ],
    });
    expect(node.counts()).toMatchObject({ calls: 0 });
  });

  it('[CALL3] a session whose line drops is answered for at once', async () => {
    const { logIn, clock, node } = await createChannelHarness({ clientCalls: [confirm] });
    const ann = await logIn('ann');
    const asking = node.ask({ user: 'ann' }, 'confirm', {});
    await clock.settle();
    ann.drop();
    await clock.settle();
    expect(await asking).toMatchObject({ value: [{ ok: false, code: 'session_unknown' }] });
    expect(await node.ask({ user: 'ann' }, 'confirm', {})).toMatchObject({
      ok: false,
      code: 'session_unknown',
    });
  });

  it('[CALL5] a broadcast goes to everyone who is there', async () => {
    const { logIn, clock, node } = await createChannelHarness({
      broadcasts: new Map([['maintenance', (value) => ({ ok: true, value })]]),
    });
    const ann = await logIn('ann');
    const bob = await logIn('bob');
    expect(await node.broadcast('maintenance', { at: 5 })).toMatchObject({ ok: true });
    expect(await node.broadcast('other', {})).toMatchObject({ ok: false });
    await clock.settle();
    for (const client of [ann, bob])
      expect(client.last('msg')).toEqual({ t: 'msg', n: 'maintenance', d: { at: 5 } });
  });
});
