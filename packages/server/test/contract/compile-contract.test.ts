import { call, defineContract, DEFAULTS, map, signal, stream } from '@carillon/contract';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { compileContract } from '../../src/server/contract/compile-contract.ts';

const data = z.string();
const compile = (contract: Parameters<typeof compileContract>[0]) =>
  compileContract(contract, () => {
    throw new Error('no schema fails here');
  });

describe('a compiled contract', () => {
  it('has the defaults of each kind', () => {
    const { channels } = compile(
      defineContract({
        channels: { 's:{x}': stream({ data }), 'm:{x}': map({ data }), 'c:{x}': signal({ data }) },
      }),
    );
    expect(channels).toEqual([
      {
        pattern: 's:{x}',
        kind: 'stream',
        validate: expect.any(Function),
        durability: 'stored',
        retention: { count: 1_000, ageMs: 86_400_000, units: 1_048_576, keys: 0, onceMs: 300_000 },
        slow: 'resync',
        heldUnits: 262_144,
        payloadUnits: 16_384,
        rate: { perSecond: 100, burst: 200 },
        echo: true,
        members: false,
        ownerPublishes: false,
        ttlMs: null,
        flushMs: 50,
        document: null,
        beside: null,
      },
      {
        pattern: 'm:{x}',
        kind: 'map',
        validate: expect.any(Function),
        durability: 'stored',
        retention: { count: 1_000, ageMs: 86_400_000, units: 1_048_576, keys: 10_000, onceMs: 300_000 },
        slow: 'conflate',
        heldUnits: 262_144,
        payloadUnits: 16_384,
        rate: { perSecond: 100, burst: 200 },
        echo: true,
        members: false,
        ownerPublishes: false,
        ttlMs: null,
        flushMs: 50,
        document: null,
        beside: null,
      },
      {
        pattern: 'c:{x}',
        kind: 'signal',
        validate: expect.any(Function),
        durability: 'memory',
        retention: { count: 0, ageMs: 0, units: 0, keys: 0, onceMs: 0 },
        slow: 'conflate',
        heldUnits: 262_144,
        payloadUnits: 4_096,
        rate: { perSecond: 1_000, burst: 2_000 },
        echo: true,
        members: false,
        ownerPublishes: false,
        ttlMs: null,
        flushMs: 50,
        document: null,
        beside: null,
      },
    ]);
  });

  it('has what was declared in their place, also one number of several', () => {
    const declared = {
      history: { count: 5 },
      durability: 'memory',
      slow: 'drop-oldest',
      heldUnits: 2_048,
      payloadUnits: 99,
      rate: { perSecond: 3, burst: 4 },
      echo: false,
      members: true,
      ownerPublishes: true,
    } as const;
    const { channels } = compile(
      defineContract({
        channels: {
          's:{x}': stream({ data, ...declared }),
          'm:{x}': map({ data, ...declared, keys: 7, ttlMs: 500 }),
          'c:{x}': signal({ data, flushMs: 20, payloadUnits: 9, members: true }),
        },
      }),
    );
    const { history: _, ...same } = declared;
    const kept = { ageMs: 86_400_000, units: 1_048_576 };
    expect(channels).toMatchObject([
      { ...same, retention: { count: 5, ...kept, keys: 0 }, ttlMs: null },
      { ...same, retention: { count: 5, ...kept, keys: 7 }, ttlMs: 500 },
      { flushMs: 20, payloadUnits: 9, members: true },
    ]);
  });

  it('checks each payload by its own schema', async () => {
    const { channels, calls, clientCalls, broadcasts } = compile(
      defineContract({
        channels: { 'a:{x}': stream({ data: z.literal('channel') }) },
        calls: {
          f: call({
            input: z.literal('in'),
            output: z.literal('out'),
            errors: { gone: z.literal('error') },
            timeoutMs: 5,
          }),
          g: call({ input: z.undefined(), output: z.undefined() }),
        },
        clientCalls: { h: call({ input: z.literal('asked'), output: z.literal('answered') }) },
        broadcasts: { news: z.literal('news') },
      }),
    );
    const f = calls.get('f');
    const h = clientCalls.get('h');
    const checks = {
      channel: channels[0]?.validate,
      in: f?.validateInput,
      out: f?.validateOutput,
      error: f?.errors.get('gone'),
      asked: h?.validateInput,
      answered: h?.validateOutput,
      news: broadcasts.get('news'),
    };
    for (const [value, validate] of Object.entries(checks)) {
      expect(await validate?.(value)).toEqual({ ok: true, value });
      expect(await validate?.('other')).toMatchObject({ ok: false, path: '' });
    }
    expect([f?.name, f?.timeoutMs, calls.get('g')?.timeoutMs]).toEqual(['f', 5, DEFAULTS.call.timeoutMs]);
    expect(await calls.get('g')?.validateOutput(undefined)).toEqual({ ok: true, value: undefined });
  });
});
