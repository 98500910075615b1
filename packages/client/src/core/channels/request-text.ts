import { MAX_CALL_MS, type Call, type Ok, type Publish } from '@carillon/protocol';
import type { CallCommand, PublishCommand, Published } from './channel-events.ts';
import { textWith } from './message-text.ts';

/** `pub` but for `t` and `i`, as JSON text from behind them. @param id absent: it has none */
export function publishBody(command: PublishCommand, id?: string): string {
  const { channel: c, key: k, del, version: ver, ttlMs: ttl, expect, echo, data } = command;
  const { queue: q, number: n } = command.lane ?? { queue: undefined, number: undefined };
  const { epoch: e, offset: o } = expect ?? { epoch: undefined, offset: undefined };
  const head: Omit<Publish, 't' | 'i' | 'd'> = { c, id, q, n, k, del, ver, ttl, e, o, echo };
  return textWith(head, data).slice(1);
}

export function publishText(i: number, body: string): string {
  return `{"t":"pub","i":${i},${body}`;
}

/** What came of a publication; of a signal no position, nor of one that a later one took the place of. */
export function publishedOf({ e, o, dup = false, old = false }: Partial<Ok>): Published {
  const position = e === undefined || o === undefined ? null : { epoch: e, offset: o };
  return { position, duplicate: dup, outdated: old };
}

/** @param ms how long the answer is waited for from now on */
export function callText(i: number, { name: n, input, id }: CallCommand, ms: number): string {
  const message: Omit<Call, 'd'> = { t: 'call', i, n, ms, id };
  return textWith(message, input);
}

/** How long a call is waited for, ms; what is no time is as good as none. */
export function callMs(timeoutMs: number): number {
  return timeoutMs >= 1 ? Math.min(timeoutMs, MAX_CALL_MS) : 1;
}
