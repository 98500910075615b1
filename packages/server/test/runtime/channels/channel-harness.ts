import type { CallSpec, ChannelSpec, CompiledContract } from '../../../src/core/channel/channel-spec.ts';
import type { AuthorizeRequest, Decision } from '../../../src/ports/authorizer.ts';
import type { CallHandler } from '../../../src/runtime/channels/call-handler.ts';
import { type Harness, type HarnessOptions, createHarness } from '../harness.ts';

/** A channel as most tests want it. */
export function channelSpec(pattern: string, changes: Partial<ChannelSpec> = {}): ChannelSpec {
  return {
    pattern,
    kind: 'stream',
    validate: (value) => ({ ok: true, value }),
    durability: 'memory',
    retention: { count: 100, ageMs: 3_600_000, units: 1_000_000, keys: 1_000, onceMs: 300_000 },
    slow: 'close',
    heldUnits: 10_000,
    payloadUnits: 1_000,
    rate: { perSecond: 1_000, burst: 1_000 },
    echo: true,
    members: false,
    ownerPublishes: false,
    ttlMs: null,
    flushMs: 50,
    document: null,
    beside: null,
    ...changes,
  };
}

export function callSpec(name: string, changes: Partial<CallSpec> = {}): CallSpec {
  return {
    name,
    validateInput: (value) => ({ ok: true, value }),
    validateOutput: (value) => ({ ok: true, value }),
    errors: new Map(),
    timeoutMs: 5_000,
    ...changes,
  };
}

export type ChannelHarnessOptions = HarnessOptions & {
  readonly channels?: readonly ChannelSpec[];
  readonly calls?: readonly (readonly [CallSpec, CallHandler])[];
  readonly clientCalls?: readonly CallSpec[];
  readonly broadcasts?: CompiledContract['broadcasts'];
  /** Absent: everything is open. */
  readonly decide?: (request: AuthorizeRequest) => Decision | Promise<Decision>;
};

/** A harness with channels, open to everybody unless a test says otherwise. */
export function createChannelHarness(options: ChannelHarnessOptions): Promise<Harness> {
  const calls = options.calls ?? [];
  const contract: CompiledContract = {
    channels: options.channels ?? [channelSpec('chat:{room}')],
    calls: new Map(calls.map(([spec]) => [spec.name, spec])),
    clientCalls: new Map((options.clientCalls ?? []).map((spec) => [spec.name, spec])),
    broadcasts: options.broadcasts ?? new Map(),
  };
  return createHarness({
    ...options,
    settings: {
      ...options.settings,
      contract,
      callHandlers: new Map(calls.map(([spec, handler]) => [spec.name, handler])),
    },
    ports: (ports) => ({
      authorizer: { decide: options.decide ?? (() => ({ allow: true, untilMs: null })) },
      ...options.ports?.(ports),
    }),
  });
}
