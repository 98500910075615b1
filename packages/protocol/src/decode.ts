import { type DownMessage, DOWN_SHAPES } from './down.ts';
import { unpack } from './messagepack/unpack.ts';
import { type MessageShape, isRecord, misfit } from './shape.ts';
import { type UpMessage, UP_SHAPES } from './up.ts';

/** What a frame held: a message, or why it is none. `i` is the request id where it could be read. */
export type Decoded<M> =
  | { readonly ok: true; readonly message: M }
  | {
      readonly ok: false;
      readonly code: 'bad_json' | 'bad_message' | 'unknown_type' | 'user_id_invalid';
      readonly detail: string;
      readonly i?: number;
    };

/** Decodes what a client sent. Never throws ([MSG1]). */
export function decodeUp(text: string): Decoded<UpMessage> {
  return decode<UpMessage>(text, UP_SHAPES);
}

/** Decodes what a server sent. Never throws. For tools and tests: the SDK trusts its server and does not check. */
export function decodeDown(text: string): Decoded<DownMessage> {
  return decode<DownMessage>(text, DOWN_SHAPES);
}

/** Decodes what a client sent as MessagePack. Never throws ([PACK2]). */
export function decodePackedUp(frame: Uint8Array): Decoded<UpMessage> {
  const unpacked = unpack(frame);
  if (!unpacked.ok)
    return { ok: false, code: 'bad_message', detail: `not the MessagePack of JSON: ${unpacked.detail}` };
  if (!isRecord(unpacked.value)) return { ok: false, code: 'bad_message', detail: 'not a map' };
  return check<UpMessage>(unpacked.value, UP_SHAPES);
}

function decode<M>(text: string, shapes: Readonly<Record<string, MessageShape>>): Decoded<M> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, code: 'bad_json', detail: 'not JSON' };
  }
  if (!isRecord(value)) return { ok: false, code: 'bad_json', detail: 'not a JSON object' };
  return check<M>(value, shapes);
}

function check<M>(
  value: Record<string, unknown>,
  shapes: Readonly<Record<string, MessageShape>>,
): Decoded<M> {
  const type = Object.hasOwn(value, 't') ? value['t'] : undefined;
  if (typeof type !== 'string') return refused('bad_message', 't: expected a string', value);
  const shape = Object.hasOwn(shapes, type) ? shapes[type] : undefined;
  if (shape === undefined)
    return refused('unknown_type', `t: ${JSON.stringify(type.slice(0, 32))} is not known`, value);
  const wrong = misfit(shape, value);
  if (wrong !== undefined) {
    // A text that is no user id will be none the next time either: its own code lets a client stop ([LIM4]).
    const code =
      wrong.field === 'username' && typeof value['username'] === 'string' ? 'user_id_invalid' : 'bad_message';
    return refused(code, `${wrong.field}: expected ${wrong.expected}`, value);
  }
  return { ok: true, message: value as M };
}

function refused(
  code: 'bad_message' | 'unknown_type' | 'user_id_invalid',
  detail: string,
  value: Record<string, unknown>,
): Decoded<never> {
  const i = Object.hasOwn(value, 'i') ? value['i'] : undefined;
  if (Number.isSafeInteger(i) && (i as number) >= 0) return { ok: false, code, detail, i: i as number };
  return { ok: false, code, detail };
}
