import { describe, expect, it } from 'vitest';
import { createMemoryBroker } from '../../../src/adapters/memory/broker.ts';
import { createMemoryLog } from '../../../src/adapters/memory/log.ts';
import { silentTelemetry } from '../../../src/adapters/memory/silent-telemetry.ts';
import type { ChannelSpec } from '../../../src/core/channel/channel-spec.ts';
import { type Draft, FEED_SCOPE } from '../../../src/runtime/channels/draft.ts';
import { createPublisher } from '../../../src/runtime/channels/publishing.ts';
import { createVirtualClock } from '../virtual-clock.ts';
import { channelSpec } from './channel-harness.ts';

const bare: Draft = {
  channel: 'chat:a',
  data: 'x',
  del: false,
  key: undefined,
  version: undefined,
  ttlMs: undefined,
  id: undefined,
  queue: undefined,
  number: undefined,
  expect: undefined,
  by: null,
  echo: undefined,
  ref: undefined,
  eventMs: undefined,
  scope: undefined,
};

function scene(changes: Partial<ChannelSpec> = {}) {
  const spec = channelSpec('chat:{room}', changes);
  const log = createMemoryLog({ newEpoch: () => 'e' });
  const ports = {
    broker: createMemoryBroker(),
    clock: createVirtualClock(),
    logs: { memory: log, replicated: log, stored: log },
    telemetry: silentTelemetry,
  };
  const publisher = createPublisher(
    { ports },
    () => false,
    () => undefined,
  );
  return { publisher, log, matched: { ok: true, spec, params: { room: 'a' } } as const };
}

describe('publications that are prepared before they are appended', () => {
  it('what is prepared is in no log yet, and takes its place when it is appended', async () => {
    const { publisher, log, matched } = scene({
      validate: (value) => ({ ok: true, value: `${String(value)}!` }),
    });
    const prepared = await publisher.prepare(bare, matched);
    expect(log.top('chat:a')).toEqual({ epoch: 'e', offset: 0 });
    if (!prepared.ok) throw new Error(prepared.detail);
    expect(await publisher.append(prepared)).toEqual({
      ok: true,
      position: { epoch: 'e', offset: 1 },
      duplicate: false,
      outdated: false,
    });
    expect(log.top('chat:a')).toEqual({ epoch: 'e', offset: 1 });
    expect(prepared.data).toBe('"x!"');
  });

  it('a draft that can never be taken is refused when it is prepared: shape, schema and size', async () => {
    const { publisher, matched } = scene({
      payloadUnits: 5,
      validate: (value) =>
        value === 'no' ? { ok: false, path: '/x', detail: 'not this' } : { ok: true, value },
    });
    const codeOf = async (changes: Partial<Draft>) => {
      const prepared = await publisher.prepare({ ...bare, ...changes }, matched);
      return prepared.ok ? 'ok' : prepared.code;
    };
    expect(await codeOf({ key: 'k' })).toBe('kind_mismatch');
    expect(await codeOf({ data: undefined })).toBe('bad_message');
    expect(await codeOf({ data: 'no' })).toBe('payload_invalid');
    expect(await codeOf({ data: '1234' })).toBe('too_large');
    expect(await codeOf({ data: '123' })).toBe('ok');
  });

  it('the values of what a configuration made are looked at too', async () => {
    const { publisher, matched } = scene({ kind: 'map' });
    const detailOf = async (changes: Partial<Draft>) => {
      const prepared = await publisher.prepare({ ...bare, key: 'k', ...changes }, matched);
      return prepared.ok ? 'ok' : prepared.detail;
    };
    expect(await detailOf({ key: '' })).toBe('key: expected 1 to 255 characters');
    expect(await detailOf({ key: 'k'.repeat(256) })).toBe('key: expected 1 to 255 characters');
    expect(await detailOf({ key: 'k'.repeat(255), ref: 'r'.repeat(128), version: 0, ttlMs: 0 })).toBe('ok');
    for (const ref of ['r'.repeat(129), '', 'a\0', 'a\n', '\ud800'])
      expect(await detailOf({ ref })).toBe(
        'ref: expected 1 to 128 characters, none of them a control character or a lone surrogate',
      );
    expect(await detailOf({ version: 1.5 })).toBe('version: expected a whole number, not below 0');
    expect(await detailOf({ ttlMs: -1 })).toBe('ttlMs: expected a whole number, not below 0');
  });

  it('nobody who prepares is asked for the rate of the channel', async () => {
    const { publisher, matched } = scene({ rate: { perSecond: 1, burst: 1 } });
    for (let i = 0; i < 3; i++) {
      const prepared = await publisher.prepare({ ...bare, data: i }, matched);
      expect(prepared.ok && (await publisher.append(prepared)).ok).toBe(true);
    }
    expect(await publisher.publish(bare, matched)).toMatchObject({ ok: true });
    expect(await publisher.publish(bare, matched)).toMatchObject({ ok: false, code: 'rate_limited' });
  });

  it('an id in a scope of its own stands for its publication whatever the payload, and for no id of others', async () => {
    const { publisher, matched } = scene();
    const publish = (changes: Partial<Draft>) => publisher.publish({ ...bare, id: 'i', ...changes }, matched);
    expect(await publish({ scope: FEED_SCOPE })).toMatchObject({ duplicate: false });
    expect(await publish({ scope: FEED_SCOPE, data: 'other' })).toMatchObject({
      duplicate: true,
      position: { epoch: 'e', offset: 1 },
    });
    expect(await publish({})).toMatchObject({ duplicate: false, position: { offset: 2 } });
    expect(await publish({ data: 'other' })).toMatchObject({ ok: false, code: 'id_reused' });
  });
});
