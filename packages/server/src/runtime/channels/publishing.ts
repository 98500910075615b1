import type { ErrorCode, Publish } from '@carillon/protocol';
import type { ChannelSpec } from '../../core/channel/channel-spec.ts';
import type { Matched } from '../../core/channel/patterns.ts';
import { type PublicationNotice, type SignalNotice, channelTopic } from '../../ports/broker.ts';
import { type Append, type AppendResult, type Position, publishes } from '../../ports/log.ts';
import type { NodeContext } from '../context.ts';
import { type KeyedRate, createKeyedRate } from '../keyed-rate.ts';
import { RETRY_UNAVAILABLE_MS } from '../retry.ts';
import { logOf } from './log-of.ts';
import { soon } from './soon.ts';
import { type Checked, check, jsonOf } from './validating.ts';

/** What is to be published, whoever publishes it. The payload is not yet checked. */
export type Draft = {
  readonly channel: string;
  readonly data: unknown;
  readonly del: boolean;
  readonly key: string | undefined;
  readonly version: number | undefined;
  readonly ttlMs: number | undefined;
  readonly id: string | undefined;
  /** Queue and number; both or neither. */
  readonly queue: string | undefined;
  readonly number: number | undefined;
  readonly expect: Position | undefined;
  /** Null: the server. */
  readonly by: { readonly user: string; readonly session: string; readonly request: number | null } | null;
  readonly echo: boolean | undefined;
};

export type PublishResult =
  /** `position` is null for signals, and for a repetition of which it is not known any more. */
  | {
      readonly ok: true;
      readonly position: Position | null;
      readonly duplicate: boolean;
      readonly outdated: boolean;
    }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly detail: string;
      readonly retryAfterMs?: number | undefined;
      readonly path?: string;
      readonly top?: Position;
    };

export type Publisher = {
  publish(draft: Draft, matched: Matched): PublishResult | Promise<PublishResult>;
};

export function draftOf(message: Publish, user: string, session: string): Draft {
  const { e, o } = message;
  return {
    channel: message.c,
    data: message.d,
    del: message.del === true,
    key: message.k,
    version: message.ver,
    ttlMs: message.ttl,
    id: message.id,
    queue: message.q,
    number: message.n,
    expect: e === undefined || o === undefined ? undefined : { epoch: e, offset: o },
    by: { user, session, request: message.i ?? null },
    echo: message.echo,
  };
}

const RETRY_LOG_MS = 1_000;

/**
 * Publishes: the shape and the size first, for they cost nothing to check, then the rate, the schema, the log, and the
 * broker. Where none of them makes it wait, all of it happens in the call.
 *
 * @param isHidden whether the user is seen by nobody: then nobody is sent their signals
 */
export function createPublisher(
  context: NodeContext,
  isHidden: (user: string) => boolean | Promise<boolean>,
  onAppended: () => void,
): Publisher {
  const { broker, clock, telemetry } = context.ports;
  /** By channel, of each pattern: as many patterns as the contract has. */
  const rates = new Map<ChannelSpec, KeyedRate>();

  function mayPublish(name: string, spec: ChannelSpec): PublishResult | undefined {
    let rate = rates.get(spec);
    if (rate === undefined) {
      rate = createKeyedRate(spec.rate);
      rates.set(spec, rate);
    }
    const retryAfterMs = rate.take(name, clock.monotonicMs());
    if (retryAfterMs === 0) return undefined;
    return { ok: false, code: 'rate_limited', detail: 'too many publications on this channel', retryAfterMs };
  }

  function publish(draft: Draft, matched: Matched): PublishResult | Promise<PublishResult> {
    const { spec } = matched;
    const wrong = wrongDraft(draft, spec);
    if (wrong !== undefined) return wrong;
    const refused = mayPublish(draft.channel, spec);
    if (refused !== undefined) return refused;
    if (draft.del) return append(draft, spec, null);
    return soon(check(clock, spec.validate, draft.data), (checked) => take(draft, spec, checked));
  }

  function take(draft: Draft, spec: ChannelSpec, checked: Checked): PublishResult | Promise<PublishResult> {
    if (!checked.ok) {
      const { code, detail, path } = checked;
      return code === 'unavailable'
        ? { ok: false, code, detail, retryAfterMs: RETRY_UNAVAILABLE_MS }
        : { ok: false, code, detail, path };
    }
    const data = jsonOf(checked.value);
    if (data === undefined) return { ok: false, code: 'payload_invalid', detail: 'no JSON value', path: '' };
    if (data.length > spec.payloadUnits)
      return {
        ok: false,
        code: 'too_large',
        detail: `a payload has at most ${spec.payloadUnits} characters`,
      };
    return spec.kind === 'signal' ? signal(draft, data) : append(draft, spec, data);
  }

  function signal(draft: Draft, data: string): PublishResult | Promise<PublishResult> {
    const { by } = draft;
    return soon(by === null ? false : isHidden(by.user), (hidden): PublishResult => {
      if (!hidden) {
        const notice = {
          kind: 'signal',
          channel: draft.channel,
          session: by?.session ?? '',
          by: by?.user ?? null,
          key: draft.key ?? null,
          data,
        } as const;
        tell(notice);
      }
      return { ok: true, position: null, duplicate: false, outdated: false };
    });
  }

  function append(
    draft: Draft,
    spec: ChannelSpec,
    data: string | null,
  ): PublishResult | Promise<PublishResult> {
    const log = logOf(context, spec);
    const appended = log.append(toAppend(draft, spec, data, clock.nowMs(), publishes(log)));
    if (!(appended instanceof Promise)) return appendedResult(draft, spec, appended);
    return appended.then(
      (result) => appendedResult(draft, spec, result),
      (error: unknown): PublishResult => {
        telemetry.warn('append_failed', { channel: draft.channel, error: String(error) });
        return {
          ok: false,
          code: 'unavailable',
          detail: 'the log could not take it',
          retryAfterMs: RETRY_LOG_MS,
        };
      },
    );
  }

  function appendedResult(draft: Draft, spec: ChannelSpec, result: AppendResult): PublishResult {
    if (!result.ok) {
      switch (result.code) {
        case 'conflict':
          return { ok: false, code: 'conflict', detail: 'the channel has gone on', top: result.top };
        case 'id_reused':
          return { ok: false, code: 'id_reused', detail: 'the id stands for another payload' };
        case 'limit_reached':
          return { ok: false, code: 'limit_reached', detail: result.detail };
      }
    }
    if ('duplicate' in result)
      return { ok: true, position: result.duplicate, duplicate: true, outdated: false };
    if ('outdated' in result)
      return { ok: true, position: result.outdated, duplicate: false, outdated: true };
    const { epoch, publication } = result;
    if (!publishes(logOf(context, spec)))
      tell(noticeOf(draft, epoch, publication, silentOf(draft, spec, publication.data)));
    if (spec.kind === 'map') onAppended();
    return { ok: true, position: { epoch, offset: publication.offset }, duplicate: false, outdated: false };
  }

  /**
   * It is in the log. A node that does not hear of it finds it there, by the gap or by comparing tops. So whatever becomes of the
   * notice, also where the broker throws, it was published, and its publisher must not be told otherwise.
   */
  function tell(notice: PublicationNotice | SignalNotice): void {
    const { channel } = notice;
    try {
      broker.publish(channelTopic(channel), notice)?.catch((error: unknown) => untold(channel, error));
    } catch (error) {
      untold(channel, error);
    }
  }

  function untold(channel: string, error: unknown): void {
    telemetry.warn('publish_failed', { channel, error: String(error) });
  }

  return { publish };
}

function noticeOf(
  { channel }: Draft,
  epoch: string,
  publication: PublicationNotice['publication'],
  silent: PublicationNotice['silent'],
): PublicationNotice {
  return { kind: 'publication', channel, epoch, publication, silent };
}

/** @param taken the payload as the schema left it */
function silentOf({ by, echo, data }: Draft, spec: ChannelSpec, taken: string | null): Append['silent'] {
  if (by === null || (echo ?? spec.echo)) return null;
  // The publisher knows what it sent, and not what the schema made of it.
  if (taken !== null && taken !== JSON.stringify(data)) return null;
  return { session: by.session, request: by.request };
}

function toAppend(
  draft: Draft,
  spec: ChannelSpec,
  data: string | null,
  nowMs: number,
  publishes: boolean,
): Append {
  const { id, queue, number, by, key, version } = draft;
  return {
    channel: draft.channel,
    kind: spec.kind === 'map' ? 'map' : 'stream',
    retention: spec.retention,
    by: by?.user ?? null,
    data,
    key: key ?? null,
    version: version ?? null,
    ttlMs: data === null ? null : (draft.ttlMs ?? spec.ttlMs),
    expect: draft.expect ?? null,
    once: id === undefined ? null : { scope: by?.user ?? '', id, print: printOf(draft, data) },
    lane: queue === undefined || number === undefined ? null : { scope: by?.user ?? '', queue, number },
    silent: publishes ? silentOf(draft, spec, data) : null,
    nowMs,
  };
}

/** What makes one publication another than the one that the same id stood for. */
function printOf({ key, version, ttlMs }: Draft, data: string | null): string {
  if (key === undefined && version === undefined && ttlMs === undefined) return data ?? '';
  return JSON.stringify([key, version, ttlMs, data]);
}

function wrongDraft(draft: Draft, { kind }: ChannelSpec): PublishResult | undefined {
  const { data, del, key } = draft;
  if (del && data !== undefined) return bad('d: not beside del');
  if (!del && data === undefined) return bad('d: expected a payload');
  if ((draft.queue === undefined) !== (draft.number === undefined)) return bad('q and n go together');
  if (draft.queue !== undefined && draft.id !== undefined) return bad('id: not beside q and n');
  if (kind === 'map') return key === undefined ? bad('k: expected the key') : undefined;
  if (del) return mismatch('only maps have keys to delete');
  if (draft.version !== undefined || draft.ttlMs !== undefined)
    return mismatch('only maps have versions and times to live');
  if (kind === 'stream') return key === undefined ? undefined : mismatch('a stream has no keys');
  if (draft.id !== undefined || draft.expect !== undefined || draft.queue !== undefined)
    return mismatch('a signal has no position to expect, no ids and no lanes');
  return undefined;
}

function bad(detail: string): PublishResult {
  return { ok: false, code: 'bad_message', detail };
}

function mismatch(detail: string): PublishResult {
  return { ok: false, code: 'kind_mismatch', detail };
}
