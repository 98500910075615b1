import type { Call, Reply } from '@carillon/protocol';
import type { ChannelEvent } from './channel-events.ts';
import { type Machine, say } from './machine.ts';
import { textWith } from './message-text.ts';
import { utf8Bytes } from './queue-room.ts';

/** Calls of the server that are served at once; a server has as many under way for one session at most ([CALL4]). */
export const SERVED_AT_ONCE = 64;

/** The server calls a function of the app's ([CALL3]). */
export function takeCall(machine: Machine, { i, n, d, ms }: Call): void {
  const { served, turn } = machine;
  // A repeat, which is answered once.
  for (const { request } of served.values()) if (request === i) return;
  if (served.size >= SERVED_AT_ONCE) forgetOverdue(machine);
  if (served.size >= SERVED_AT_ONCE) return sendReply(machine, { r: i, code: 'rate_limited' }, null);
  // By a number of its own: a server that restarted counts from the beginning, and a handler of before may still be at work.
  const call = ++machine.lastServed;
  served.set(call, { request: i, overAtMs: ms === undefined ? Infinity : turn.nowMs + ms });
  machine.effects.push({ do: 'serve', call, name: n, input: d, timeoutMs: ms ?? null });
}

/** Nobody waits for these any more: a handler that never ends must not keep its place for ever. */
function forgetOverdue({ served, turn }: Machine): void {
  for (const [call, { overAtMs }] of served) if (overAtMs <= turn.nowMs) served.delete(call);
}

/** The app's answer. On another line nobody waits for it; nor for a second one. */
export function answer(machine: Machine, event: Extract<ChannelEvent, { type: 'answer' }>): void {
  const { call, output, code, detail } = event;
  const asked = machine.served.get(call);
  if (asked === undefined) return;
  machine.served.delete(call);
  const r = asked.request;
  if (output !== null && utf8Bytes(output) > machine.settings.messageBytes - MARGIN_BYTES)
    return sendReply(machine, { r, code: 'too_large' }, null);
  sendReply(machine, { r, code, m: detail?.slice(0, MAX_DETAIL_LENGTH) }, output);
}

/** What `re` holds beside the output: the request, the longest code and the longest detail, bytes. */
const MARGIN_BYTES = 2_560;

/** The longest text for people, UTF-16 units. */
const MAX_DETAIL_LENGTH = 512;

function sendReply(machine: Machine, fields: Omit<Reply, 't' | 'd'>, output: string | null): void {
  const message: Omit<Reply, 'd'> = { t: 're', ...fields };
  say(machine, textWith(message, output));
}
