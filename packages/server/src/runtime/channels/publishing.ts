import type { ErrorCode } from '@carillon/protocol';
import type { ChannelSpec } from '../../core/channel/channel-spec.ts';
import type { Matched } from '../../core/channel/patterns.ts';
import type { PublicationNotice } from '../../ports/broker.ts';
import { type AppendResult, type Position, publishes } from '../../ports/log.ts';
import { type KeyedRate, createKeyedRate } from '../keyed-rate.ts';
import type { NodePorts } from '../node-options.ts';
import { RETRY_UNAVAILABLE_MS } from '../retry.ts';
import { type Draft, eventMsOf, silentOf, toAppend, wrongDraft, wrongValues } from './draft.ts';
import { logOf } from './log-of.ts';
import { soon } from './soon.ts';
import { tellNodes } from './telling-nodes.ts';
import { type Checked, check, jsonOf } from './validating.ts';

export type PublishResult =
  /** `position` is null for signals, and for a repetition of which it is not known any more. */
  | {
      readonly ok: true;
      readonly position: Position | null;
      readonly duplicate: boolean;
      readonly outdated: boolean;
    }
  | NotPublished;

export type NotPublished = {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryAfterMs?: number | undefined;
  readonly path?: string;
  readonly top?: Position;
};

/** A draft whose shape, payload and size are right: the log alone can still refuse it. */
export type Prepared = {
  readonly ok: true;
  readonly draft: Draft;
  readonly spec: ChannelSpec;
  /** JSON text of what the schema made of the payload; null where a key is deleted. */
  readonly data: string | null;
};

export type Publisher = {
  /** Never rejects. */
  publish(draft: Draft, matched: Matched): PublishResult | Promise<PublishResult>;
  /**
   * Checks a draft and publishes nothing, for publishers of whom no rate is asked, and who check several before they append the
   * first: feeds. `unavailable`: its schema did not answer; every other refusal is for good. Never rejects.
   */
  prepare(draft: Draft, matched: Matched): Prepared | NotPublished | Promise<Prepared | NotPublished>;
  /** Publishes what was prepared. `unavailable`: the log could not take it now. Never rejects. */
  append(prepared: Prepared): PublishResult | Promise<PublishResult>;
};

const RETRY_LOG_MS = 1_000;

/**
 * Publishes: the shape and the size first, for they cost nothing to check, then the rate, the schema, the log, and the
 * broker. Where none of them makes it wait, all of it happens in the call.
 *
 * @param isHidden whether the user is seen by nobody: then nobody is sent their signals
 */
export function createPublisher(
  context: { readonly ports: Pick<NodePorts, 'broker' | 'clock' | 'logs' | 'telemetry'> },
  isHidden: (user: string) => boolean | Promise<boolean>,
  onAppended: () => void,
): Publisher {
  const { clock, telemetry } = context.ports;
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
    return soon(check(clock, spec.validate, draft.data), (checked) => {
      const data = payloadOf(checked, spec);
      return typeof data === 'string' ? take(draft, spec, data) : data;
    });
  }

  function prepare(
    draft: Draft,
    { spec }: Matched,
  ): Prepared | NotPublished | Promise<Prepared | NotPublished> {
    const wrong = wrongDraft(draft, spec) ?? wrongValues(draft);
    if (wrong !== undefined) return wrong;
    if (draft.del) return { ok: true, draft, spec, data: null };
    return soon(check(clock, spec.validate, draft.data), (checked) => {
      const data = payloadOf(checked, spec);
      return typeof data === 'string' ? { ok: true, draft, spec, data } : data;
    });
  }

  function take(
    draft: Draft,
    spec: ChannelSpec,
    data: string | null,
  ): PublishResult | Promise<PublishResult> {
    return spec.kind === 'signal' && data !== null ? signal(draft, data) : append(draft, spec, data);
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
        tellNodes(context.ports, notice);
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
      tellNodes(context.ports, noticeOf(draft, epoch, publication, silentOf(draft, spec, publication.data)));
    if (spec.kind === 'map') onAppended();
    return { ok: true, position: { epoch, offset: publication.offset }, duplicate: false, outdated: false };
  }

  return { publish, prepare, append: ({ draft, spec, data }) => take(draft, spec, data) };
}

/** The payload as JSON text, as the schema left it, or why it is refused. */
function payloadOf(checked: Checked, { payloadUnits }: ChannelSpec): string | NotPublished {
  if (!checked.ok) {
    const { code, detail, path } = checked;
    return code === 'unavailable'
      ? { ok: false, code, detail, retryAfterMs: RETRY_UNAVAILABLE_MS }
      : { ok: false, code, detail, path };
  }
  const data = jsonOf(checked.value);
  if (data === undefined) return { ok: false, code: 'payload_invalid', detail: 'no JSON value', path: '' };
  if (data.length > payloadUnits)
    return { ok: false, code: 'too_large', detail: `a payload has at most ${payloadUnits} characters` };
  return data;
}

function noticeOf(
  draft: Draft,
  epoch: string,
  publication: PublicationNotice['publication'],
  silent: PublicationNotice['silent'],
): PublicationNotice {
  const { channel } = draft;
  return { kind: 'publication', channel, epoch, publication, silent, eventMs: eventMsOf(draft) };
}
