import type { Transport } from '../core/events.ts';
import type { WebSocketLike } from '../platform.ts';
import { createClimber } from './climber.ts';
import { createIdleLife } from './idle-life.ts';
import { createPollSocket } from './poll-socket.ts';
import { createRungs } from './rungs.ts';
import { createSseSocket } from './sse-socket.ts';
import { type Kept, readKept, writeKept } from './kept.ts';
import { type Ladder, type LinesParts, type Loss, lossOf, siblingUrl } from './ways.ts';

/**
 * All the ways to the server: falls to the next where one does not work, climbs again, and remembers what worked on this
 * network.
 */
export function createLadder(parts: LinesParts): Ladder {
  const { platform, url, WebSocket, fetch, line } = parts;
  const ways = usable(parts);
  const kept = readKept(parts, ways);
  const rungs = createRungs(ways.length, Math.max(0, ways.indexOf(kept.way)));
  const idle = createIdleLife(kept.everyMs);
  /** Of the line that was opened last. */
  let dialed = 0;
  let cancelAsk: (() => void) | null = null;

  const climber = createClimber({
    platform,
    line,
    underWay: parts.underWay,
    open,
    onMoving(rung) {
      rungs.climbed(rung);
      dialed = rung;
    },
  });

  function open(rung: number): WebSocketLike {
    const way = wayAt(rung);
    if (way === 'websocket' && WebSocket !== null) return new WebSocket(url);
    // `usable` left out what cannot be.
    if (fetch === null) throw new Error('no fetch');
    if (way === 'sse') return createSseSocket({ platform, fetch, url: siblingUrl(url, 'sse') });
    return createPollSocket({
      platform,
      fetch,
      url: siblingUrl(url, 'poll'),
      idleMs: () => idle.everyMs,
      onIdleCut(afterMs) {
        if (idle.lost(afterMs)) remember();
      },
    });
  }

  function wayAt(rung: number): Transport {
    return ways[rung] ?? 'websocket';
  }

  function remember(): void {
    const worth: Kept = { way: wayAt(dialed), everyMs: idle.everyMs };
    writeKept(parts, dialed === 0 && idle.everyMs === null ? null : worth);
  }

  function wentLive(): void {
    rungs.worked(dialed);
    remember();
    climber.start(dialed);
    keepInUse();
  }

  /** Uses a line before it has been silent for as long as lines live here. Long polls end by themselves before. */
  function keepInUse(): void {
    cancelAsk?.();
    cancelAsk = null;
    const { phase } = line.state();
    const { everyMs } = idle;
    if (phase.name !== 'live' || everyMs === null || wayAt(dialed) === 'longpoll') return;
    const leftMs = phase.heardMs + everyMs - platform.nowMs();
    if (leftMs <= 0) line.ask();
    cancelAsk = platform.setTimer(Math.ceil(leftMs > 0 ? leftMs : everyMs), keepInUse);
  }

  function lost(loss: Loss): void {
    // A line that was silent for too long says nothing against its way.
    if (loss.worked && idle.lost(loss.idleMs)) return remember();
    const go = rungs.lost(dialed, loss);
    if (go === 'slipped') climber.slipped();
    if (go !== 'same') line.hope(true);
  }

  return {
    dial(give) {
      dialed = rungs.at;
      give(open(dialed));
    },
    follow(before, after) {
      if (after.name === 'live') {
        if (before.name !== 'live') wentLive();
      } else if (after.name !== 'authenticating' || !after.moving) {
        climber.stop();
        cancelAsk?.();
        cancelAsk = null;
      }
      const loss = lossOf(before, after, platform.nowMs());
      if (loss !== null) lost(loss);
      climber.look();
    },
    lost(loss) {
      lost(loss);
      if (line.state().phase.name === 'live') wentLive();
    },
    wake(moved) {
      if (moved) {
        // The line goes on, if it does; the next attempt begins with what is best.
        rungs.forget();
        idle.forget();
        writeKept(parts, null);
      }
      climber.wake(moved);
    },
    transport: () => wayAt(dialed),
  };
}

function usable({ transports, platform, fetch }: LinesParts): readonly Transport[] {
  // A fetch of the app's own may be able to do what the platform's is not.
  const streams = platform.streams || fetch !== platform.fetch;
  return transports.filter((way) => way !== 'sse' || streams);
}
