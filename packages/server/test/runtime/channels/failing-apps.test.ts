import { describe, expect, it } from 'vitest';
import { createMemoryBroker } from '../../../src/adapters/memory/broker.ts';
import { callSpec, channelSpec, createChannelHarness } from './channel-harness.ts';

/** What an app may hand over: nobody can make JSON of it. */
const unspeakable = {
  toJSON() {
    throw new Error('no JSON of this');
  },
};

/** What nobody can make text of, not even for the log. */
const textless: unknown = Object.create(null);

const hanging = (): Promise<never> => new Promise(() => {});

describe("what fails in an app's code", () => {
  it('[CALL1] an output, an error and a throw that cannot be told are one answer each: internal', async () => {
    const { logIn, clock, node } = await createChannelHarness({
      calls: [
        [callSpec('output'), () => unspeakable],
        [
          callSpec('error', { errors: new Map([['gone', () => ({ ok: true, value: unspeakable })]]) }),
          () => {
            throw Object.assign(new Error('gone'), { callError: 'gone', data: 1 });
          },
        ],
        [
          callSpec('textless'),
          () => {
            throw textless;
          },
        ],
        [
          callSpec('wordless', { errors: new Map([['gone', (value) => ({ ok: true, value })]]) }),
          () => {
            // oxlint-disable-next-line typescript/only-throw-error -- an app may
            throw { callError: 'gone', data: 1 };
          },
        ],
        [callSpec('nothing'), () => undefined],
      ],
    });
    const ann = await logIn('ann');
    ann.take();
    ['output', 'error', 'textless', 'wordless', 'nothing'].forEach((n, i) => ann.send({ t: 'call', n, i }));
    await clock.settle();
    const answers = ann.take().sort((a, b) => Number(a['i']) - Number(b['i']));
    expect(answers).toEqual([
      ...[0, 1, 2, 3].map((i) => expect.objectContaining({ t: 'err', i, code: 'internal' })),
      { t: 'ok', i: 4 },
    ]);
    expect(node.counts()).toMatchObject({ calls: 0 });
  });

  it('[CALL3] a call to a client whose input cannot be told is refused, and nothing waits for its answer', async () => {
    const { logIn, node } = await createChannelHarness({
      clientCalls: [callSpec('confirm', { validateInput: () => ({ ok: true, value: unspeakable }) })],
    });
    await logIn('ann');
    expect(await node.ask({ user: 'ann' }, 'confirm', {})).toMatchObject({
      ok: false,
      code: 'payload_invalid',
    });
    expect(node.counts()).toMatchObject({ calls: 0 });
  });

  it.each([0, -1, 1.5, Number.NaN])('[CALL3] no call waits %d ms for its answer', async (timeoutMs) => {
    const { logIn, node } = await createChannelHarness({ clientCalls: [callSpec('confirm')] });
    const ann = await logIn('ann');
    expect(await node.ask({ user: 'ann' }, 'confirm', {}, timeoutMs)).toMatchObject({ code: 'bad_message' });
    expect(ann.last('call')).toBeUndefined();
  });

  it('[CHN5] a payload of which the schema makes what cannot be told is invalid', async () => {
    const { logIn, clock, node } = await createChannelHarness({
      channels: [channelSpec('chat:{room}', { validate: () => ({ ok: true, value: unspeakable }) })],
      broadcasts: new Map([['all', () => ({ ok: true, value: unspeakable })]]),
    });
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'pub', c: 'chat:a', d: 1, i: 1 });
    await clock.settle();
    expect(ann.take()).toMatchObject([{ t: 'err', i: 1, code: 'payload_invalid' }]);
    expect(await node.publish({ channel: 'chat:a', data: 1 })).toMatchObject({ code: 'payload_invalid' });
    expect(await node.broadcast('all', 1)).toMatchObject({ code: 'payload_invalid' });
  });

  it('[PUB5] a schema that never answers gives its place up after 5 s, to what was sent behind it', async () => {
    let hangs = true;
    const { logIn, clock, node } = await createChannelHarness({
      channels: [
        channelSpec('chat:{room}', {
          validate: (value) => (hangs ? hanging() : Promise.resolve({ ok: true, value })),
        }),
      ],
      clientCalls: [callSpec('confirm', { validateInput: hanging })],
      broadcasts: new Map([['all', hanging]]),
    });
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'pub', c: 'chat:a', d: 1, i: 1 });
    ann.send({ t: 'pub', c: 'chat:a', d: 2, i: 2 });
    const asked = node.ask({ user: 'ann' }, 'confirm', {});
    const told = node.broadcast('all', {});
    await clock.advance(4_999);
    expect(ann.take()).toEqual([]);
    hangs = false;
    await clock.advance(1);
    expect(ann.take()).toMatchObject([
      { t: 'err', i: 1, code: 'unavailable', retryAfterMs: expect.any(Number) },
      { t: 'ok', i: 2, o: 1 },
    ]);
    expect(await asked).toMatchObject({ ok: false, code: 'unavailable' });
    expect(await told).toMatchObject({ ok: false, code: 'unavailable' });
  });

  it('[PUB1] what is in the log was published, also where the broker throws', async () => {
    const broker = createMemoryBroker();
    const { logIn, clock, warnings } = await createChannelHarness({
      ports: () => ({
        broker: {
          ...broker,
          publish(topic, message) {
            if (message.kind === 'publication') throw new Error('no way out');
            return broker.publish(topic, message);
          },
        },
      }),
    });
    const ann = await logIn('ann');
    ann.take();
    ann.send({ t: 'pub', c: 'chat:a', d: 1, i: 1 });
    await clock.settle();
    expect(ann.take()).toMatchObject([{ t: 'ok', i: 1, o: 1 }]);
    expect(warnings).toEqual([expect.stringContaining('publish_failed')]);
  });
});
