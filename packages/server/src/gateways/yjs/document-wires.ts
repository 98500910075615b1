import type { AwarenessDown, PublicationItem } from '@carillon/protocol';
import { joinBytes } from '../../gate/join-bytes.ts';
import { othersOf } from '../../gate/other-wires.ts';
import { binaryHeader } from '../../gate/websocket-frame.ts';
import type { Frame, RunBytes, YjsWires } from '../../ports/transport.ts';
import { lengthAndText, wholeBytes } from './bytes.ts';
import { awarenessMessage, SYNC_UPDATE, updateMessage } from './y-messages.ts';

// What is made here is kept beside the frame: a hundred clients of one document cost one translation.

export function publicationWires(frame: Frame, items: readonly PublicationItem[]): YjsWires {
  return (othersOf(frame).yjs ??= newWires(
    items.map(({ d }) => updateMessage(Buffer.from(typeof d === 'string' ? d : '', 'base64'))),
  ));
}

export function awarenessWires(frame: Frame, { ss }: AwarenessDown): YjsWires {
  return (othersOf(frame).yjs ??= newWires([
    awarenessMessage(
      ss.map(({ cl, n, d }) => ({
        client: cl,
        clock: n,
        state: d === undefined ? 'null' : JSON.stringify(d),
      })),
    ),
  ]));
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
  return { bodies, plain: undefined, named: undefined };
}

/** As WebSocket frames. */
export function plainBytes(wires: YjsWires): RunBytes {
  return (wires.plain ??= joinBytes(wires.bodies.flatMap((body) => [binaryHeader(body.length), body])));
}

/** The same with a name before each message. All who name the document alike share it. */
export function namedBytes(wires: YjsWires, name: string): RunBytes {
  if (wires.named?.name !== name) wires.named = { name, bytes: joinBytes(wires.bodies.flatMap(named(name))) };
  return wires.named.bytes;
}

/** One message, as a WebSocket frame. */
export function binaryHeaderAnd(body: Uint8Array): RunBytes {
  return joinBytes([binaryHeader(body.length), body]);
}

/** One message with a name before it, as a WebSocket frame. */
export function namedMessage(name: string, body: Uint8Array): RunBytes {
  return joinBytes(named(name)(body));
}

function named(name: string): (body: Uint8Array) => Uint8Array[] {
  const prefix = lengthAndText(name);
  return (body) => [binaryHeader(prefix.length + body.length), prefix, body];
}
