import {
  type ChannelDefinition,
  type Contract,
  DEFAULTS,
  type DocumentDefinition,
  type StandardSchema,
} from '@carillon/contract';
import type { CallSpec, ChannelSpec, CompiledContract, Validate } from '../../core/channel/channel-spec.ts';
import type { Retention } from '../../ports/log.ts';
import { type OnSchemaFailed, toValidate } from './validate.ts';

/** What a signal keeps. */
const NOTHING: Retention = { count: 0, ageMs: 0, units: 0, keys: 0, onceMs: 0 };

/**
 * A contract as the runtime works by it: defaults filled in, schemas made into checks.
 *
 * @param contract in which `contractProblem` found nothing
 */
export function compileContract(contract: Contract, onSchemaFailed: OnSchemaFailed): CompiledContract {
  const check = (schema: StandardSchema, where: string): Validate =>
    toValidate(schema, where, onSchemaFailed);

  function callsOf(part: 'calls' | 'clientCalls'): ReadonlyMap<string, CallSpec> {
    return new Map(
      Object.entries(contract[part]).map(([name, { input, output, errors, timeoutMs }]) => {
        const where = `${part}[${JSON.stringify(name)}]`;
        const spec: CallSpec = {
          name,
          validateInput: check(input, `${where}.input`),
          validateOutput: check(output, `${where}.output`),
          errors: new Map(
            Object.entries(errors).map(([code, schema]) => [code, check(schema, `${where}.errors.${code}`)]),
          ),
          timeoutMs: timeoutMs ?? DEFAULTS.call.timeoutMs,
        };
        return [name, spec];
      }),
    );
  }

  return {
    channels: Object.entries(contract.channels).map(([pattern, definition]) =>
      channelSpec(pattern, definition, check(definition.data, `channels[${JSON.stringify(pattern)}].data`)),
    ),
    calls: callsOf('calls'),
    clientCalls: callsOf('clientCalls'),
    broadcasts: new Map(
      Object.entries(contract.broadcasts).map(([name, schema]) => [
        name,
        check(schema, `broadcasts[${JSON.stringify(name)}]`),
      ]),
    ),
  };
}

function channelSpec(pattern: string, definition: ChannelDefinition, validate: Validate): ChannelSpec {
  if (definition.kind === 'document') return documentSpec(pattern, definition, validate);
  const initial = DEFAULTS[definition.kind];
  const shared = {
    pattern,
    validate,
    document: null,
    beside: definition.beside ?? null,
    payloadUnits: definition.payloadUnits ?? initial.payloadUnits,
    rate: definition.rate ?? initial.rate,
    members: definition.members ?? initial.members,
    ownerPublishes: definition.ownerPublishes ?? initial.ownerPublishes,
  };
  if (definition.kind === 'signal')
    return {
      ...shared,
      kind: 'signal',
      flushMs: definition.flushMs ?? DEFAULTS.signal.flushMs,
      // A signal is kept by nobody, and only the latest of each counts.
      durability: 'memory',
      retention: NOTHING,
      slow: 'conflate',
      heldUnits: DEFAULTS.stream.heldUnits,
      echo: true,
      ttlMs: null,
    };
  const kept = DEFAULTS[definition.kind];
  return {
    ...shared,
    kind: definition.kind,
    durability: definition.durability ?? kept.durability,
    retention: {
      count: definition.history?.count ?? kept.history.count,
      ageMs: definition.history?.ageMs ?? kept.history.ageMs,
      units: definition.history?.units ?? kept.history.units,
      keys: definition.kind === 'map' ? (definition.keys ?? DEFAULTS.map.keys) : 0,
      onceMs: definition.idempotencyMs ?? kept.idempotencyMs,
    },
    slow: definition.slow ?? kept.slow,
    heldUnits: definition.heldUnits ?? kept.heldUnits,
    echo: definition.echo ?? kept.echo,
    ttlMs: definition.kind === 'map' ? (definition.ttlMs ?? DEFAULTS.map.ttlMs) : null,
    flushMs: DEFAULTS.signal.flushMs,
  };
}

/** What of a document's updates goes but by compaction: nothing. Ids are those of edits by the app's backend. */
const ALL: Retention = {
  count: Infinity,
  ageMs: Infinity,
  units: Infinity,
  keys: 0,
  onceMs: DEFAULTS.stream.idempotencyMs,
};

/** Three bytes are four characters, and the quotes of the text. */
const base64Units = (bytes: number): number => Math.ceil(bytes / 3) * 4 + 2;

function documentSpec(pattern: string, definition: DocumentDefinition, validate: Validate): ChannelSpec {
  const { kind, data: _, ...options } = definition;
  const all = { ...DEFAULTS.document, ...options };
  return {
    pattern,
    kind,
    validate,
    durability: all.durability,
    retention: ALL,
    slow: 'resync',
    heldUnits: all.heldUnits,
    payloadUnits: base64Units(all.updateBytes),
    rate: all.rate,
    // Whoever changed it has the change.
    echo: false,
    members: all.members,
    ownerPublishes: true,
    ttlMs: null,
    flushMs: all.flushMs,
    document: {
      updateBytes: all.updateBytes,
      documentBytes: all.documentBytes,
      compactUpdates: all.compactUpdates,
      compactBytes: all.compactBytes,
      awarenessUnits: all.awarenessUnits,
      awarenessRate: all.awarenessRate,
      versionEveryMs: all.versionEveryMs === 0 ? null : all.versionEveryMs,
      versions: all.versions,
      namedVersions: all.namedVersions,
    },
    beside: null,
  };
}
