import { type OutboundFrame, controlFrame } from '../../core/outbox/frame.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DocumentEngine } from '../../ports/document-engine.ts';
import type { DocumentSnapshot, DocumentStore } from '../../ports/documents.ts';
import type { Log, Position } from '../../ports/log.ts';
import { storeUnavailable } from '../../ports/unavailable.ts';
import { makeReplay } from '../channels/replay.ts';
import { type DueQueue, createDueQueue } from '../due-queue.ts';
import type { HubChannel } from '../link-state.ts';
import { readKept } from './reading-document.ts';

/** How long a state is kept for others who join at the same moment, ms. */
const KEPT_MS = 5_000;

/** Bytes of one `ds` message before base64: large enough to be cheap, small enough that a slow line shows progress. */
export const PART_BYTES = 192 * 1024;

/** A snapshot up to this size is sent whole: the difference would cost a job to save little. */
const WHOLE_BYTES = 64 * 1024;

/** Differences kept of one snapshot, by what their receivers had, and made of it at a time: beyond, the whole is sent, which is there. */
const DIFFERENCES_KEPT = 8;
const DIFFERENCES_UNDER_WAY = 4;

/** What somebody who joins is sent: a state, if there is one, and the updates behind it up to `top`. */
export type JoinStart = {
  readonly top: Position;
  /** The number of the state's messages; null: there is none. */
  readonly state: number | null;
  readonly frames: readonly OutboundFrame[];
  /** The state is what their vector lacks, not all. */
  readonly isDifference: boolean;
};

type Base = {
  readonly position: Position | null;
  /** Null: there is no snapshot. */
  readonly whole: StateFrames | null;
  readonly differences: Map<string, Promise<StateFrames>>;
  /** Differences that are being made. */
  underWay: number;
  /** The snapshot's content while differences may be made of it. */
  readonly snapshot: DocumentSnapshot | null;
};

/** A state as its messages: their number, and the messages. */
export type StateFrames = { readonly number: number; readonly frames: readonly OutboundFrame[] };

export type Joining = {
  readonly timers: number;
  /**
   * What somebody is sent who has `vector` (encoded; null: nothing). Those who join at one moment share the frames.
   *
   * @throws where a store does not answer
   */
  start(channel: HubChannel, log: Log, store: DocumentStore, vector: Uint8Array | null): Promise<JoinStart>;
  /** The frames of a state that was made for somebody alone. */
  stateOf(channel: HubChannel, update: Uint8Array): StateFrames;
  forget(channel: HubChannel): void;
  stop(): void;
};

export function createJoining(clock: Clock, engine: () => DocumentEngine): Joining {
  const bases = new Map<HubChannel, Promise<Base>>();
  const kept: DueQueue<HubChannel> = createDueQueue(clock, KEPT_MS, (channel) => bases.delete(channel));
  let states = 0;

  function baseOf(channel: HubChannel, store: DocumentStore): Promise<Base> {
    const there = bases.get(channel);
    if (there !== undefined) return there;
    const reading = takeBase(channel, store);
    bases.set(channel, reading);
    kept.add(channel);
    reading.catch(() => {
      if (bases.get(channel) === reading) drop(channel);
    });
    return reading;
  }

  async function takeBase(channel: HubChannel, store: DocumentStore): Promise<Base> {
    const snapshot = await store.snapshot(channel.name);
    return {
      position: snapshot?.position ?? null,
      whole: snapshot === null ? null : stateOf(channel, snapshot.state, snapshot.position),
      differences: new Map(),
      underWay: 0,
      snapshot: snapshot !== null && snapshot.state.length > WHOLE_BYTES ? snapshot : null,
    };
  }

  function drop(channel: HubChannel): void {
    bases.delete(channel);
    kept.remove(channel);
  }

  /** @param at where the document stands with it */
  function stateOf(channel: HubChannel, update: Uint8Array, at?: Position): StateFrames {
    const number = ++states;
    const of = Math.max(1, Math.ceil(update.length / PART_BYTES));
    const bytes = Buffer.from(update.buffer, update.byteOffset, update.length);
    const place = at === undefined ? '' : `"o":${at.offset},`;
    const frames = Array.from({ length: of }, (_, index) => {
      const part = bytes.toString(
        'base64',
        index * PART_BYTES,
        Math.min(bytes.length, (index + 1) * PART_BYTES),
      );
      return controlFrame(
        `{"t":"ds","c":${channel.json},"i":${number},"n":${index + 1},"of":${of},${place}"d":"${part}"}`,
      );
    });
    return { number, frames };
  }

  async function stateFor(
    channel: HubChannel,
    base: Base,
    vector: Uint8Array | null,
  ): Promise<StateFrames | null> {
    const { whole, differences, snapshot } = base;
    // An empty vector is a count of none.
    if (vector === null || vector.length <= 1 || snapshot === null) return whole;
    const key = Buffer.from(vector).toString('base64');
    let made = differences.get(key);
    if (made === undefined) {
      if (base.underWay >= DIFFERENCES_UNDER_WAY) return whole;
      const [oldest] = differences.keys();
      if (differences.size >= DIFFERENCES_KEPT && oldest !== undefined) differences.delete(oldest);
      base.underWay++;
      made = difference(channel, snapshot, vector).finally(() => base.underWay--);
      differences.set(key, made);
      made.catch(() => differences.delete(key));
    }
    return made;
  }

  async function difference(
    channel: HubChannel,
    { state, position }: DocumentSnapshot,
    vector: Uint8Array,
  ): Promise<StateFrames> {
    const job = await engine().diffUpdate({ state, tail: [] }, vector);
    if (!job.ok) throw storeUnavailable(job.detail);
    return stateOf(channel, job.update, position);
  }

  return {
    get timers() {
      return kept.size;
    },
    async start(channel, log, store, vector) {
      const { name, spec } = channel;
      const used: Base[] = [];
      async function readBase(): Promise<{ readonly position: Position } | null> {
        // The tail was put into a newer snapshot meanwhile.
        if (used.length > 0) drop(channel);
        const base = await baseOf(channel, store);
        used.push(base);
        return base.position === null ? null : { position: base.position };
      }
      const { top, tail } = await readKept(name, log, spec.retention, () => clock.nowMs(), readBase);
      const base = used.at(-1);
      const state = base === undefined ? null : await stateFor(channel, base, vector);
      const [first] = tail;
      const replay = first === undefined ? [] : makeReplay(channel, first.offset - 1, top.offset, tail);
      return {
        top,
        state: state?.number ?? null,
        isDifference: state !== null && state !== base?.whole,
        frames: state === null ? replay : [...state.frames, ...replay],
      };
    },
    stateOf,
    forget: drop,
    stop() {
      bases.clear();
      kept.clear();
    },
  };
}
