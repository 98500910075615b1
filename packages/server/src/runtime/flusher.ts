import { type Renderer, hold, release } from '../core/outbox/outbox.ts';
import { type OutboundFrame, heartbeatFrame, presenceFrame } from '../core/outbox/frame.ts';
import { RunNode, runOf } from '../core/outbox/run-trie.ts';
import type { WatchList } from '../core/presence/watch-list.ts';
import type { NodeOptions } from './node-options.ts';
import { type LinkState, isSettled } from './link-state.ts';

/** Sends what connections are owed: once a turn, one write each, runs that several are owed made once. */
export type Flusher = {
  /** Owes a frame to a connection; it goes out at the end of the turn. */
  send(link: LinkState, frame: OutboundFrame): void;
  /** Sends what one connection is owed without waiting for the end of the turn. */
  flushNow(link: LinkState): void;
  /** The connection's earlier write has gone: sends what was held behind it. */
  drained(link: LinkState): void;
};

export function createFlusher(
  { ports, settings }: NodeOptions,
  watchList: () => WatchList<LinkState>,
  onOverflow: (link: LinkState) => void,
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
    if (link.outbox.held === null) telemetry.slowConsumer();
    const outcome = hold(link.outbox, settings.outbox);
    for (let i = 0; i < outcome.conflated; i++) telemetry.conflated();
    if (outcome.resynced) telemetry.presenceResync();
    if (outcome.overflow) onOverflow(link);
  }

  function drained(link: LinkState): void {
    if (link.phase === 'closed' || link.outbox.held === null || link.connection.writing) return;
    // What is held is told by its present state, and the state of an edge that is being read again is not known.
    if (!isSettled(link)) return;
    // What this turn still owes goes behind what was held, folded the same way.
    if (link.outbox.current !== null) hold(link.outbox, settings.outbox);
    const frames = release(link.outbox, rendererFor(link));
    if (frames.length > 0) telemetry.flush(frames.length, link.connection.write(runOf(frames)));
  }

  function rendererFor(link: LinkState): Renderer {
    return {
      friend(subject, change) {
        const text = watchList().render(link, subject, change);
        return text === null ? null : presenceFrame(subject, change, text);
      },
      fullSync: () => ({ text: watchList().fullSync(link), wire: undefined }),
      heartbeat: () => heartbeatFrame(heartbeatText(ports.stamps.next(clock.nowMs()))),
    };
  }

  return {
    send,
    drained,
    flushNow(link) {
      // Behind an unfinished write nothing can follow any more; the close code says the same as the `bye`.
      if (!link.connection.writing && link.outbox.held === null) flush(link);
    },
  };
}

/** @param at every change up to this stamp was sent before the heartbeat */
export function heartbeatText(at: number): string {
  return `{"t":"hb","at":${at}}`;
}
