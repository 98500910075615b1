import type { Call, Reply } from '@carillon/protocol';
import type { ChannelEvent } from './channel-events.ts';
import type { Machine } from './machine.ts';
import { utf8Bytes } from './queue-room.ts';

/** Calls of the server that are served at once; a server has as many under way for one session at most ([CALL4]). */
export const SERVED_AT_ONCE = 64;

/** The server calls a function of the app's ([CALL3]). */
export function takeCall(machine: Machine, { i, n, d, ms }: Call): void {
  // A repeat, which is answered once.
  if (machine.served.has(i)) return;
  if (machine.served.size >= SERVED_AT_ONCE) return sendReply(machine, { r: i, code: 'rate_limited' }, null);
  machine.served.add(i);
  machine.effects.push({ do: 'serve', call: i, name: n, input: d, timeoutMs: ms ?? null });
}

/** The app's answer. On another line nobody waits for it; nor for a second one. */
export function answer(machine: Machine, event: Extract<ChannelEvent, { type: 'answer' }>): void {
  const { call: r, output, code, detail } = event;
  if (!machine.served.delete(r)) return;
  if (output !== null && utf8Bytes(output) > machine.settings.messageBytes - MARGIN_BYTES)
    return sendReply(machine, { r, code: 'too_large' }, null);
  sendReply(machine, { r, code, m: detail?.slice(0, MAX_DETAIL_LENGTH) }, output);
}

/** What `re` holds beside the output: the request, the longest code and the longest detail, bytes. */
const MARGIN_BYTES = 2_560;

/** The longest text for people, UTF-16 units. */
const MAX_DETAIL_LENGTH = 512;

function sendReply({ line, effects }: Machine, fields: Omit<Reply, 't' | 'd'>, output: string | null): void {
  if (line.name === 'down') return;
  const message: Omit<Reply, 'd'> = { t: 're', ...fields };
  const head = JSON.stringify(message);
  const text = output === null ? head : `${head.slice(0, -1)},"d":${output}}`;
  effects.push({ do: 'send', socket: line.socket, text });
}
