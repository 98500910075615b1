import { type ChannelRef, type OutboundFrame, controlFrame } from '../../src/core/outbox/frame.ts';
import { createWatchList } from '../../src/core/presence/watch-list.ts';
import { newRate } from '../../src/core/session/message-rate.ts';
import type { Telemetry } from '../../src/ports/telemetry.ts';
import type { Connection } from '../../src/ports/transport.ts';
import { type Flusher, createFlusher } from '../../src/runtime/flusher.ts';
import { type LinkState, newLink } from '../../src/runtime/link-state.ts';
import { type VirtualClock, createVirtualClock } from '../runtime/virtual-clock.ts';
import { silentTelemetry } from '../../src/adapters/memory/silent-telemetry.ts';

/** One connection under a flusher: its client reads, or does not. */
export type SlowLine = {
  readonly link: LinkState;
  readonly flusher: Flusher;
  readonly clock: VirtualClock;
  /** Texts that the client has read. */
  readonly read: string[];
  readonly writes: number;
  /** Texts of the write that the kernel has not taken whole. */
  readonly inFlight: readonly string[];
  /** Channels that the runtime was told to stop sending. */
  readonly resyncs: ChannelRef[];
  readonly overflows: number;
  readonly reported: string[];
  /** Owes frames and ends the turn. */
  send(...frames: readonly OutboundFrame[]): Promise<void>;
  /** Owes an answer and ends the turn. */
  answer(text: string): Promise<void>;
  /** Stops reading: the next write stays unfinished until `resume`. */
  pause(): void;
  resume(): void;
};

export function createSlowLine(
  heldControlUnits: number,
  onResync: (channel: ChannelRef) => void = () => undefined,
): SlowLine {
  const clock = createVirtualClock();
  const read: string[] = [];
  const resyncs: ChannelRef[] = [];
  const reported: string[] = [];
  let inFlight: string[] = [];
  let paused = false;
  let writing = false;
  let writes = 0;
  let overflows = 0;
  const connection: Connection = {
    transport: 'websocket',
    id: 1,
    address: '127.0.0.1',
    get writing() {
      return writing;
    },
    write(run) {
      if (writing) throw new Error('a second write in flight');
      if (overflows > 0) throw new Error('a write after the close');
      writes++;
      const texts = run.frames().map(({ text }) => text);
      if (texts.length !== run.length) throw new Error('a run that is not as long as it says');
      if (paused) {
        writing = true;
        inFlight = texts;
      } else read.push(...texts);
      return texts.join('').length;
    },
    close: () => undefined,
    terminate: () => undefined,
  };
  const telemetry: Telemetry = {
    ...silentTelemetry,
    slowConsumer: () => void reported.push('slow'),
    gap: (reason) => void reported.push(`gap ${reason}`),
    channelDropped: (policy, frames) => void reported.push(`${policy} ${frames}`),
  };
  const watchList = createWatchList<LinkState>([], (viewer, frame) => flusher.send(viewer, frame));
  const flusher = createFlusher(
    {
      ports: { clock, telemetry, seen: () => clock.monotonicMs() * 1_000 },
      settings: { outbox: { heldControlUnits, heldFriends: 10 } },
    },
    () => watchList,
    {
      overflow(link) {
        overflows++;
        link.phase = 'closed';
        link.outbox.current = null;
        link.outbox.held = null;
      },
      resync(_link, channel) {
        resyncs.push(channel);
        onResync(channel);
      },
    },
  );
  const link = newLink(connection, newRate({ perSecond: 1, burst: 1 }, 0));
  link.phase = 'live';
  const line: SlowLine = {
    link,
    flusher,
    clock,
    read,
    resyncs,
    reported,
    get writes() {
      return writes;
    },
    get inFlight() {
      return inFlight;
    },
    get overflows() {
      return overflows;
    },
    async send(...frames) {
      for (const frame of frames) flusher.send(link, frame);
      await clock.settle();
    },
    answer: (text) => line.send(controlFrame(text)),
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      read.push(...inFlight);
      inFlight = [];
      if (!writing) return;
      writing = false;
      flusher.drained(link);
    },
  };
  return line;
}
