import type { Connection, Link } from '@carillon/server/simulation';
import type { Random } from '../random.ts';
import type { Owner, VirtualTime } from '../time/virtual-time.ts';
import type { Violations } from '../violations.ts';
import { type Delay, createPipe } from './pipe.ts';

/** The client's side of a line. After `closed`, or after it hung up, nothing more comes. */
export type ClientEnd = {
  opened(): void;
  message(text: string): void;
  /** @param code WebSocket close code; 1006 where the line was never there or dropped */
  closed(code: number): void;
};

/** Who looks at the wire where it meets the server. */
export type WireObserver = {
  /** A message is about to be handed to the server. */
  arrived(line: Line, text: string): void;
  /** The server handed a frame to the line. */
  handed(line: Line, text: string): void;
  /** For the server the connection is over: it closed it, learned of its end, or died. Once a line. */
  ended(line: Line): void;
};

/** Which side does not learn that the line is dead. */
export type Blind = 'server' | 'client' | 'both';

export type LineConditions = {
  readonly delay: Delay;
  /** What the kernel takes before a write counts as unfinished. */
  readonly kernelBytes: number;
};

/** One connection over its whole life, and what can be done to it. */
export type Line = {
  readonly id: number;
  readonly client: string;
  /** The life of the node at the other end; null until it accepted. */
  readonly life: Owner | null;
  /** Since when not everything sent arrives in time, ms; null for a line in order. */
  readonly impairedSinceMs: number | null;
  /** Since when the server may not write, ms; null while it may. */
  readonly blockedSinceMs: number | null;
  /** Since when what the server writes at this moment may have been owed, ms; null where it is no older than the turn. */
  readonly behindSinceMs: number | null;
  readonly serverOpen: boolean;
  readonly clientOpen: boolean;
  /** The client sends; lost without a word where the line is dead. */
  send(text: string): void;
  /** The client closes. */
  hangUp(): void;
  /** The line breaks, and both sides learn of it. */
  cut(): void;
  /** The line breaks; bytes vanish. */
  breakBlindly(blind: Blind): void;
  /** Nothing arrives until the line is mended; then everything does. */
  stall(): void;
  /** The client reads no faster than this. */
  read(bytesPerSecond: number): void;
  /** Ends what the line suffers from, unless it is broken. */
  mend(): void;
  /** The server gets the client's next message; the line breaks before its answer arrives. */
  loseNextReply(): void;
  /** The node accepts the connection. */
  accept(life: Owner, open: (connection: Connection) => Link): void;
  /** The node died: nothing is called any more; the kernel may say good-bye, or the machine is gone too. */
  nodeDied(farewell: 'flush' | 'reset' | 'silence'): void;
  /** Nobody answered. */
  refuse(): void;
};

/** What `ws` waits for the answer to a close frame (the gateway's CLOSE_TIMEOUT_MS). */
const CLOSE_TIMEOUT_MS = 2_000;

/** A dead line is noticed within this, where it is noticed. */
const NOTICE_MS = 40;

/** What was held while the server might not write goes out this late at most: an edge may still have to be read again. */
const BEHIND_MS = 1_500;

/** A reply that is to be lost is waited for no longer than this. */
const LOST_REPLY_MS = 3_000;

const FRAME_HEADER_BYTES = 4;

export type LineParts = {
  readonly id: number;
  readonly client: string;
  readonly time: VirtualTime;
  readonly owner: Owner;
  readonly random: Random;
  readonly conditions: LineConditions;
  readonly observer: WireObserver;
  readonly violations: Violations;
  readonly end: ClientEnd;
};

export function createLine(parts: LineParts): Line {
  const { id, client, time, owner, random, conditions, observer, violations, end } = parts;
  const up = createPipe(time, owner, random, conditions.delay, () => undefined);
  const down = createPipe(time, owner, random, conditions.delay, drainKernel);
  let life: Owner | null = null;
  let link: Link | null = null;
  let server: 'none' | 'open' | 'closing' | 'gone' = 'none';
  let clientState: 'connecting' | 'open' | 'gone' = 'connecting';
  let impairedSinceMs: number | null = null;
  let blockedSinceMs: number | null = null;
  let behind = { sinceMs: 0, untilMs: -1 };
  let broken = false;
  let losing: 'no' | 'next' | 'now' = 'no';

  const notice = (): number => random.whole(0, NOTICE_MS);

  function clientGone(code: number): void {
    if (clientState === 'gone') return;
    clientState = 'gone';
    end.closed(code);
  }

  function serverEnded(): void {
    observer.ended(line);
  }

  function serverGone(code: number): void {
    if (server === 'gone' || server === 'none') return;
    const was = server;
    server = 'gone';
    if (was === 'open') serverEnded();
    if (life?.alive === true) link?.closed(code);
  }

  function drainKernel(): void {
    if (blockedSinceMs === null || down.bufferedBytes > conditions.kernelBytes) return;
    behind = { sinceMs: blockedSinceMs, untilMs: time.nowMs() + BEHIND_MS };
    blockedSinceMs = null;
    if (server === 'open' && life?.alive === true) link?.drained();
  }

  function impair(): void {
    impairedSinceMs ??= time.nowMs();
  }

  function breakBoth(): void {
    broken = true;
    impair();
    up.breakOff();
    down.breakOff();
  }

  function arrive(text: string): void {
    if (server !== 'open' || life?.alive !== true || link === null) return;
    observer.arrived(line, text);
    link.message(text);
    if (losing !== 'next') return;
    losing = 'now';
    broken = true;
    impair();
    down.breakOff();
    time.plan(LOST_REPLY_MS, owner, () => line.cut());
  }

  const connection: Connection = {
    transport: 'websocket',
    id,
    address: '127.0.0.1',
    get writing() {
      return blockedSinceMs !== null;
    },
    write(run) {
      if (server !== 'open') violations.found('g', `line ${id}: a write on a closed connection`);
      if (blockedSinceMs !== null) violations.found('g', `line ${id}: a second write in flight`);
      let bytes = 0;
      for (const { text } of run.frames()) {
        observer.handed(line, text);
        const size = text.length + FRAME_HEADER_BYTES;
        bytes += size;
        down.push(size, () => {
          if (clientState === 'open') end.message(text);
        });
      }
      if (down.bufferedBytes > conditions.kernelBytes) blockedSinceMs = time.nowMs();
      if (losing === 'now') time.plan(1, owner, () => line.cut());
      return bytes;
    },
    close(code) {
      if (server !== 'open') return;
      server = 'closing';
      serverEnded();
      down.push(FRAME_HEADER_BYTES, () => {
        clientGone(code);
        up.push(FRAME_HEADER_BYTES, () => serverGone(code));
      });
      if (life !== null) time.plan(CLOSE_TIMEOUT_MS, life, () => serverGone(1006));
    },
    terminate() {
      if (server === 'gone' || life === null) return;
      if (server === 'open') serverEnded();
      server = 'closing';
      down.push(0, () => clientGone(1006));
      time.plan(0, life, () => serverGone(1006));
    },
  };

  const line: Line = {
    id,
    client,
    get life() {
      return life;
    },
    get impairedSinceMs() {
      return impairedSinceMs;
    },
    get blockedSinceMs() {
      return blockedSinceMs;
    },
    get behindSinceMs() {
      return behind.untilMs < time.nowMs() ? null : behind.sinceMs;
    },
    get serverOpen() {
      return server === 'open';
    },
    get clientOpen() {
      return clientState === 'open';
    },
    send(text) {
      if (clientState === 'open') up.push(text.length + FRAME_HEADER_BYTES, () => arrive(text));
    },
    hangUp() {
      if (clientState === 'gone') return;
      clientState = 'gone';
      up.push(FRAME_HEADER_BYTES, () => serverGone(1001));
    },
    cut() {
      breakBoth();
      time.plan(notice(), owner, () => clientGone(1006));
      time.plan(notice(), owner, () => serverGone(1006));
    },
    breakBlindly(blind) {
      breakBoth();
      if (blind === 'server') time.plan(notice(), owner, () => clientGone(1006));
      if (blind === 'client') time.plan(notice(), owner, () => serverGone(1006));
    },
    stall() {
      impair();
      up.pause();
      down.pause();
    },
    read(bytesPerSecond) {
      impair();
      down.setRate(bytesPerSecond);
    },
    mend() {
      if (losing === 'next') losing = 'no';
      if (broken) return;
      impairedSinceMs = null;
      down.setRate(null);
      up.unpause();
      down.unpause();
    },
    loseNextReply() {
      losing = 'next';
    },
    accept(nodeLife, open) {
      life = nodeLife;
      server = 'open';
      // The node may close it within `open`; the client then gets the close behind the opening.
      down.push(0, () => {
        if (clientState !== 'connecting') return;
        clientState = 'open';
        end.opened();
      });
      link = open(connection);
    },
    nodeDied(farewell) {
      if (server === 'gone' || server === 'none') return;
      broken = true;
      impair();
      if (server === 'open') serverEnded();
      server = 'gone';
      if (farewell !== 'flush') breakBoth();
      if (farewell === 'flush') down.push(0, () => clientGone(1006));
      if (farewell === 'reset') time.plan(notice(), owner, () => clientGone(1006));
    },
    refuse() {
      clientGone(1006);
    },
  };
  return line;
}
