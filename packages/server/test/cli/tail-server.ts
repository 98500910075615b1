import type { TailDriver } from './tail-driver.ts';

/** A server with one stream, as PROTOCOL.md has it, whose frames wait in the line until they are let through. */
export type TailServer = {
  /** All that was ever published, as `epoch:offset` and its payload. */
  readonly published: ReadonlyMap<string, number>;
  top(): string;
  publish(): void;
  /** Forgets all but the newest `keep`. */
  trim(keep: number): void;
  restart(): void;
  /** Tells of a gap instead of what is published next. */
  gap(why: 'dropped' | 'conflated' | 'resync'): void;
  /** Loses what is published next, without a word. */
  lose(): void;
  /** Lets so many frames through, to the server first. */
  pass(frames: number): void;
  /** Ends the line, with everything in it. */
  cut(): void;
};

type Frame = Record<string, unknown>;

export function serveTail(tail: TailDriver): TailServer {
  const published = new Map<string, number>();
  let payload = 0;
  let epoch = 1;
  let kept: { o: number; d: number }[] = [];
  let top = 0;
  /** From where on the line is owed publications; null: it is not subscribed. */
  let subscribed = false;
  let up: Frame[] = [];
  let down: Frame[] = [];
  let greeted = 0;

  const name = (): string => `e${epoch}`;

  function collect(): void {
    if (tail.socket === null) return;
    if (tail.socket !== greeted) {
      greeted = tail.socket;
      tail.opened();
    }
    up.push(...tail.sent());
  }

  function serve(message: Frame): void {
    if (message['t'] === 'login') {
      down.push(
        {
          t: 'token',
          token: `r${greeted}`,
          session: 's',
          v: 1,
          resumed: false,
          at: 1,
          graceMs: 1,
          hbMs: 30_000,
        },
        { t: 'sync', users: [] },
      );
    }
    if (message['t'] !== 'sub') return;
    const { i, e, o, last } = message as { i: number; e?: string; o?: number; last?: number };
    const position = { e: name(), o: top };
    subscribed = true;
    if (o === undefined) {
      down.push({ t: 'ok', i, ...position });
      if (last !== undefined) replay(kept.slice(Math.max(0, kept.length - last)));
      return;
    }
    const why = e !== name() ? 'epoch' : o > top ? 'ahead' : o < top - kept.length ? 'trimmed' : null;
    down.push({ t: 'ok', i, ...position, rec: why === null, ...(why === null ? {} : { why }) });
    if (why === null) replay(kept.filter((item) => item.o > o));
  }

  /** In pieces of two, so that a cut falls between them. */
  function replay(items: readonly { o: number; d: number }[]): void {
    for (let at = 0; at < items.length; at += 2)
      down.push({ t: 'ps', c: 'chat:1', ps: items.slice(at, at + 2) });
  }

  function append(): { o: number; d: number } {
    const item = { o: ++top, d: ++payload };
    published.set(`${name()}:${item.o}`, item.d);
    kept.push(item);
    return item;
  }

  return {
    published,
    top: () => `${name()}:${top}`,
    publish() {
      const item = append();
      if (subscribed) down.push({ t: 'p', c: 'chat:1', ...item });
    },
    trim(keep) {
      kept = keep === 0 ? [] : kept.slice(-keep);
    },
    restart() {
      epoch++;
      top = 0;
      kept = [];
      if (subscribed) down.push({ t: 'gap', c: 'chat:1', why: 'epoch', e: name(), o: 0 });
    },
    gap(why) {
      append();
      if (!subscribed) return;
      down.push({ t: 'gap', c: 'chat:1', why, ...(why === 'resync' ? {} : { e: name(), o: top }) });
      if (why === 'resync') subscribed = false;
    },
    lose: () => void append(),
    pass(frames) {
      for (let passed = 0; passed < frames; passed++) {
        collect();
        const request = up.shift();
        if (request !== undefined) {
          serve(request);
          continue;
        }
        const frame = down.shift();
        if (frame === undefined) return;
        tail.receive(frame);
        // It gave the line up by itself.
        if (tail.socket === null) this.cut();
      }
    },
    cut() {
      up = [];
      down = [];
      subscribed = false;
      tail.sent();
      if (tail.socket !== null) tail.closed(1006);
    },
  };
}
