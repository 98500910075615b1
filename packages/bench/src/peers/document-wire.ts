import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { readDevice } from './document-plan.ts';

/** How one contender is spoken to. Everything is literal: neither its client library nor ours is in the way. */
export type DocumentWire = {
  readonly path: string;
  /** What opens the document, in their order. */
  hello(index: number): readonly (string | Uint8Array)[];
  /** Whether a message says that the document is open. */
  isOpen(data: Buffer, isBinary: boolean): boolean;
  cursor(index: number, clock: number, state: string): string | Uint8Array;
  update(update: Uint8Array): string | Uint8Array;
  /** What must be answered at once, for the line to stay; null: nothing. */
  answer(data: Buffer): string | null;
  /** The states of cursors in a message; null: it is none of cursors. */
  cursorsOf(data: Buffer): readonly string[] | null;
  /** The updates in a message. */
  updatesOf(data: Buffer): readonly Uint8Array[];
};

/** Client ids of Yjs, apart from those of updates. */
export const clientIdOf = (index: number): number => 100_000 + index;

const DOCUMENT = 'bench';
export const CHANNEL = `doc:${DOCUMENT}`;

export function carillonWire(plan: string): DocumentWire {
  const logins = readDevice(plan);
  return {
    path: '/ws',
    hello: (index) => [
      logins[index] ?? '',
      JSON.stringify({ t: 'sub', i: 1, c: CHANNEL, cl: [clientIdOf(index)] }),
    ],
    isOpen: (data) => data.includes('"t":"ok","i":1,'),
    cursor: (index, clock, state) =>
      `{"t":"aw","c":"${CHANNEL}","cl":${clientIdOf(index)},"n":${clock},"d":${state}}`,
    update: (update) => JSON.stringify({ t: 'upd', c: CHANNEL, d: Buffer.from(update).toString('base64') }),
    answer: (data) => (data.length < 64 && data.includes('"t":"hb"') ? '{"t":"hb"}' : null),
    cursorsOf(data) {
      if (!data.subarray(0, 12).includes('{"t":"aw"')) return null;
      const { ss } = JSON.parse(data.toString()) as { ss: { d?: unknown }[] };
      return ss.map(({ d }) => JSON.stringify(d ?? null));
    },
    updatesOf(data) {
      if (!data.subarray(0, 12).includes('{"t":"p"')) return [];
      const { d } = JSON.parse(data.toString()) as { d?: string };
      return d === undefined ? [] : [Buffer.from(d, 'base64')];
    },
  };
}

const SYNC = 0;
const AWARENESS = 1;
const AUTH = 2;
const STEP_1 = 0;
const STEP_2 = 1;
const UPDATE = 2;

/** @param named whether each message begins with the name of the document, as Hocuspocus has it */
export function yWire(named: boolean): DocumentWire {
  function message(write: (encoder: encoding.Encoder) => void): Uint8Array {
    const encoder = encoding.createEncoder();
    if (named) encoding.writeVarString(encoder, DOCUMENT);
    write(encoder);
    return encoding.toUint8Array(encoder);
  }

  function open(data: Buffer): { readonly decoder: decoding.Decoder; readonly type: number } {
    const decoder = decoding.createDecoder(data);
    if (named) decoding.readVarString(decoder);
    return { decoder, type: decoding.readVarUint(decoder) };
  }

  const stepOne = message((encoder) => {
    encoding.writeVarUint(encoder, SYNC);
    encoding.writeVarUint(encoder, STEP_1);
    encoding.writeVarUint8Array(encoder, new Uint8Array([0]));
  });
  const auth = message((encoder) => {
    encoding.writeVarUint(encoder, AUTH);
    encoding.writeVarUint(encoder, 0);
    encoding.writeVarString(encoder, 'token');
    encoding.writeVarString(encoder, '4.8.0');
  });

  return {
    path: `/${DOCUMENT}`,
    hello: () => (named ? [auth, stepOne] : [stepOne]),
    isOpen(data) {
      const { decoder, type } = open(data);
      return type === SYNC && decoding.readVarUint(decoder) === STEP_2;
    },
    cursor: (index, clock, state) =>
      message((encoder) => {
        const inner = encoding.createEncoder();
        encoding.writeVarUint(inner, 1);
        encoding.writeVarUint(inner, clientIdOf(index));
        encoding.writeVarUint(inner, clock);
        encoding.writeVarString(inner, state);
        encoding.writeVarUint(encoder, AWARENESS);
        encoding.writeVarUint8Array(encoder, encoding.toUint8Array(inner));
      }),
    update: (update) =>
      message((encoder) => {
        encoding.writeVarUint(encoder, SYNC);
        encoding.writeVarUint(encoder, UPDATE);
        encoding.writeVarUint8Array(encoder, update);
      }),
    answer: () => null,
    cursorsOf(data) {
      const { decoder, type } = open(data);
      if (type !== AWARENESS) return null;
      const inner = decoding.createDecoder(decoding.readVarUint8Array(decoder));
      const states: string[] = [];
      for (let left = decoding.readVarUint(inner); left > 0; left--) {
        decoding.readVarUint(inner);
        decoding.readVarUint(inner);
        states.push(decoding.readVarString(inner));
      }
      return states;
    },
    updatesOf(data) {
      const { decoder, type } = open(data);
      if (type !== SYNC || decoding.readVarUint(decoder) !== UPDATE) return [];
      return [decoding.readVarUint8Array(decoder)];
    },
  };
}
