import type { AwarenessDown, PublicationItem } from '@carillon/protocol';
import { joinBytes } from '../../gate/join-bytes.ts';
import { othersOf } from '../../gate/other-wires.ts';
import { binaryHeader } from '../../gate/websocket-frame.ts';
import type { AwarenessPlace, Frame, RunBytes, YjsWires } from '../../ports/transport.ts';
import { lengthAndText, wholeBytes } from './bytes.ts';
import { awarenessEntry, awarenessHead, SYNC_UPDATE, updateMessage } from './y-messages.ts';

// What is made here is kept beside the frame: a hundred clients of one document cost one translation.

export function publicationWires(frame: Frame, items: readonly PublicationItem[]): YjsWires {
  return (othersOf(frame).yjs ??= newWires(
    items.map(({ d }) => updateMessage(Buffer.from(typeof d === 'string' ? d : '', 'base64'))),
  ));
}

export function awarenessWires(frame: Frame, { ss }: AwarenessDown): YjsWires {
  const others = othersOf(frame);
  if (others.yjs !== undefined) return others.yjs;
  const places = new Map<number, AwarenessPlace>();
  const entries: Uint8Array[] = [];
  let at = 0;
  for (const { cl, n, by, d } of ss) {
    const entry = awarenessEntry(cl, n, d === undefined ? 'null' : JSON.stringify(d));
    entries.push(entry);
    places.set(cl, { from: at, to: at + entry.length, by });
    at += entry.length;
  }
  const body = Buffer.concat(entries);
  others.yjs = { ...newWires([awarenessHead(ss.length, body.length), body]), places };
  return others.yjs;
}

/**
 * Awareness without some client ids: a client would take what it is told of itself for newer than what it says itself, for the clocks that
 * the server tells are the server's. The states are shared, and not copied.
 *
 * @returns one message in pieces; null where nothing is left
 */
export function awarenessWithout(
  { bodies, places }: YjsWires,
  without: readonly AwarenessPlace[],
): readonly Uint8Array[] | null {
  const [, body] = bodies;
  if (body === undefined || places === null || places.size <= without.length) return null;
  const pieces: Uint8Array[] = [];
  let length = 0;
  let at = 0;
  for (const { from, to } of [...without, { from: body.length, to: body.length }]) {
    if (from > at) pieces.push(body.subarray(at, from));
    length += from - at;
    at = to;
  }
  return [awarenessHead(places.size - without.length, length), ...pieces];
}

/** @param parts the frames of a state in their order; kept beside the last */
export function stateWires(parts: readonly Frame[]): YjsWires | null {
  const last = parts.at(-1);
  if (last === undefined) return null;
  const others = othersOf(last);
  if (others.yjs !== undefined) return others.yjs;
  others.yjs = newWires([stateMessage(parts)]);
  // As base64 it is of no more use: whoever comes next finds it as bytes.
  for (const part of parts) {
    const { told } = othersOf(part);
    if (told?.t === 'ds') othersOf(part).told = { ...told, d: '' };
  }
  return others.yjs;
}

function stateMessage(parts: readonly Frame[]): Uint8Array {
  const texts = parts.map((part) => {
    const { told } = othersOf(part);
    return told?.t === 'ds' ? told.d : '';
  });
  let length = 0;
  for (const text of texts) length += Buffer.byteLength(text, 'base64');
  const head = Buffer.concat([SYNC_UPDATE, wholeBytes(length)]);
  // One allocation: a state may have many megabytes.
  const bytes = Buffer.allocUnsafe(head.length + length);
  bytes.set(head);
  let at = head.length;
  for (const text of texts) at += bytes.write(text, at, 'base64');
  return bytes;
}

function newWires(bodies: readonly Uint8Array[]): YjsWires {
  return { bodies, places: null, plain: undefined, named: undefined };
}

/** As WebSocket frames. */
export function plainBytes(wires: YjsWires): RunBytes {
  return (wires.plain ??= joinBytes(messagesOf(wires).flatMap((pieces) => framed(pieces))));
}

/** The same with a name before each message. All who name the document alike share it. */
export function namedBytes(wires: YjsWires, name: string): RunBytes {
  if (wires.named?.name !== name)
    wires.named = { name, bytes: joinBytes(messagesOf(wires).flatMap(named(name))) };
  return wires.named.bytes;
}

/** Awareness is one message in two pieces, of everything else each body is one. */
function messagesOf({ bodies, places }: YjsWires): readonly (readonly Uint8Array[])[] {
  return places === null ? bodies.map((body) => [body]) : [bodies];
}

/** One message, as a WebSocket frame. */
export function plainMessage(pieces: readonly Uint8Array[]): RunBytes {
  return joinBytes(framed(pieces));
}

/** One message with a name before it, as a WebSocket frame. */
export function namedMessage(name: string, pieces: readonly Uint8Array[]): RunBytes {
  return joinBytes(named(name)(pieces));
}

function named(name: string): (pieces: readonly Uint8Array[]) => readonly Uint8Array[] {
  const prefix = lengthAndText(name);
  return (pieces) => framed([prefix, ...pieces]);
}

function framed(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return [binaryHeader(length), ...pieces];
}
