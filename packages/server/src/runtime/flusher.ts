import {
  type DroppedFrames,
  type HoldOutcome,
  type Renderer,
  dropHeld,
  hold,
  release,
} from '../core/outbox/outbox.ts';
import {
  type ChannelRef,
  type OutboundFrame,
  gapFrame,
  heartbeatFrame,
  presenceFrame,
} from '../core/outbox/frame.ts';
import { RunNode, runOf } from '../core/outbox/run-trie.ts';
import type { WatchList } from '../core/presence/watch-list.ts';
import type { FrameRun } from '../ports/transport.ts';
import type { NodePorts, NodeSettings } from './node-options.ts';
import { type LinkState, isSettled } from './link-state.ts';
import { nextReplay } from './replay-turns.ts';

/** Sends what connections are owed: once a turn, one write each, runs that several are owed made once. */
export type Flusher = {
  /** Owes a frame to a connection; it goes out at the end of the turn. */
  send(link: LinkState, frame: OutboundFrame): void;
  /** Sends what a connection is owed that is about to be closed, where it can still be sent, without waiting for the end of the turn. */
  flushNow(link: LinkState): void;
  /** The connection's earlier write has gone: sends what was held behind it. */
  drained(link: LinkState): void;
  /**
   * Drops what a connection is still owed of a channel. MUST be called before a subscription begins anew or is ended, and
   * before what is said of that: nothing of the one before follows.
   */
  dropHeld(link: LinkState, channel: ChannelRef): void;
};

/** What becomes of connections that do not read. */
export type SlowEvents = {
  /** More is held than may be: the connection is to be closed. */
  overflow(link: LinkState): void;
  /**
   * What was held of a channel was dropped, and the client will be told to subscribe again. The runtime MUST send
   * nothing more of the channel to this connection until it does.
   */
  resync(link: LinkState, channel: ChannelRef): void;
};

export type FlusherOptions = {
  readonly ports: Pick<NodePorts, 'clock' | 'telemetry' | 'seen'>;
  readonly settings: Pick<NodeSettings, 'outbox'>;
};

const DROPPED_BY = ['drop-oldest', 'conflate', 'resync'] as const satisfies readonly (keyof DroppedFrames)[];

export function createFlusher(
  { ports, settings }: FlusherOptions,
  watchList: () => WatchList<LinkState>,
  events: SlowEvents,
): Flusher {
  const { clock, telemetry } = ports;
  let root = RunNode.root();
  let dirty: LinkState[] = [];
  let scheduled = false;

  function send(link: LinkState, frame: OutboundFrame): void {
    const outbox = link.outbox;
    outbox.current = (outbox.current ?? root).append(frame);
    if (link.dirty) return;
    link.dirty = true;
    dirty.push(link);
    if (!scheduled) {
      scheduled = true;
      clock.defer(flushAll);
    }
  }

  function flushAll(): void {
    scheduled = false;
    const links = dirty;
    dirty = [];
    // The runs of this turn are shared only within it.
    root = RunNode.root();
    for (const link of links) {
      link.dirty = false;
      flush(link);
    }
  }

  function flush(link: LinkState): void {
    write(link);
    if (link.replayTurns !== null) nextReplay(link);
  }

  function write(link: LinkState): void {
    const { outbox, connection } = link;
    const run = outbox.current;
    if (run === null) return;
    if (link.phase === 'closed') {
      outbox.current = null;
      outbox.held = null;
      return;
    }
    if (connection.writing || outbox.held !== null) {
      holdBack(link);
      return;
    }
    outbox.current = null;
    telemetry.flush(run.length, connection.write(run));
  }

  function holdBack(link: LinkState): void {
    // Between two polls everything is held: that is how they work, not a client that fell behind.
    if (link.outbox.held === null && link.connection.transport !== 'poll') telemetry.slowConsumer();
    const outcome = hold(link.outbox, settings.outbox);
    report(outcome);
    if (outcome.overflow) events.overflow(link);
    else tellResyncs(link, outcome);
  }

  function report({ conflated, resynced, dropped }: HoldOutcome): void {
    for (let i = 0; i < conflated; i++) telemetry.conflated();
    if (resynced) telemetry.presenceResync();
    if (dropped === null) return;
    for (const policy of DROPPED_BY)
      if (dropped[policy] > 0) telemetry.channelDropped(policy, dropped[policy]);
  }

  function tellResyncs(link: LinkState, { resyncs }: HoldOutcome): void {
    for (const channel of resyncs ?? []) events.resync(link, channel);
  }

  function drained(link: LinkState): void {
    writeHeld(link);
    if (link.replayTurns !== null) nextReplay(link);
  }

  function writeHeld(link: LinkState): void {
    if (link.phase === 'closed' || link.outbox.held === null || link.connection.writing) return;
    // What is held is told by its present state, and the state of an edge that is being read again is not known.
    if (!isSettled(link)) return;
    // What this turn still owes goes behind what was held, folded the same way. It is not too much: it goes out now.
    if (link.outbox.current !== null) {
      const outcome = hold(link.outbox, settings.outbox);
      report(outcome);
      tellResyncs(link, outcome);
    }
    const frames = release(link.outbox, rendererFor(link));
    if (frames.length > 0) telemetry.flush(frames.length, link.connection.write(runOf(frames)));
  }

  /** What is held and what is owed, for a connection that is about to be closed and can still tell it. */
  function writeLast(link: LinkState, write: (run: FrameRun) => number): void {
    if (!isSettled(link)) return;
    if (link.outbox.current !== null) report(hold(link.outbox, settings.outbox));
    const frames = release(link.outbox, rendererFor(link));
    if (frames.length > 0) telemetry.flush(frames.length, write(runOf(frames)));
  }

  function rendererFor(link: LinkState): Renderer {
    return {
      friend(subject, change) {
        const text = watchList().render(link, subject, change);
        return text === null ? null : presenceFrame(subject, change, text);
      },
      fullSync: () => ({ text: watchList().fullSync(link), wire: undefined, others: undefined }),
      heartbeat: () => heartbeatFrame(heartbeatText(ports.seen())),
      gap(channel, why, offset) {
        telemetry.gap(why);
        return gapFrame(channel, why, offset);
      },
    };
  }

  return {
    send,
    drained,
    dropHeld: (link, channel) => dropHeld(link.outbox, channel),
    flushNow(link) {
      const { connection, outbox } = link;
      if (!connection.writing && outbox.held === null) flush(link);
      // Behind an unfinished write nothing can follow any more; the close code says the same as the `bye`.
      else if (connection.writeLast !== undefined) writeLast(link, connection.writeLast.bind(connection));
    },
  };
}

/** @param at every change up to this stamp was sent before the heartbeat */
export function heartbeatText(at: number): string {
  return `{"t":"hb","at":${at}}`;
}
