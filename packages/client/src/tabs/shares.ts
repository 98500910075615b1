import type { Gap, Publish, Subscribe } from '@carillon/protocol';

/** A message that was read no further than to where it goes. */
export type Message = { readonly t: string } & Readonly<Record<string, unknown>>;

/** What a line asks of the server, as it asked. */
export type Asked = { readonly line: string; readonly message: Message };

type Position = { readonly e: string; readonly o: number };

/** A channel that is subscribed once, for all lines that want it. */
type Share = {
  /** Whether the server counts the session as subscribed. */
  subscribed: boolean;
  /** Up to here everything was handed on; null for a signal, and before anything is known. */
  at: Position | null;
  /** Those that want it. What comes while a line's own `sub` is under way is kept for it; null: it has its answer. */
  readonly lines: Map<string, string[] | null>;
  /** One `sub` is asked at a time, for the server ends one that another overtakes. */
  asking: boolean;
  waiting: Asked[];
  /** A replay may be on its way still: to begin anew would drop what the server holds of it. */
  replaying: boolean;
  /** Of a document: the client ids of each line. The session names them all ([DOC1]). */
  readonly names: Map<string, readonly number[]>;
};

/** Messages of one channel that are kept for a line while its `sub` is under way; beyond that it is sent away. */
const MOST_KEPT = 1_000;

/** Client ids of one session on one document ([DOC1]). */
const MOST_NAMES = 16;

export type SharesParts = {
  readonly username: string;
  /** ms since the epoch. */
  readonly wallMs: () => number;
  /** Hands a message to lines. */
  readonly tell: (lines: readonly string[], text: string) => void;
  /** Asks the server. @param question that is answered by it; null: none, and there is no answer */
  readonly ask: (question: Asked | null, message: Message) => void;
  /** Asks the server for an echo. */
  readonly probe: (echoed: () => void) => void;
  readonly answer: (asked: Asked, reply: Message) => void;
  readonly drop: (line: string) => void;
};

/** The subscriptions of all lines, as one session has them. */
export type Shares = {
  subscribe(asked: Asked): void;
  unsubscribe(asked: Asked): void;
  /** The server answered a `sub`. @param asked as the line asked it */
  answered(asked: Asked, reply: Message): void;
  /** A message of a channel. @returns false where it belongs to no channel */
  take(message: Message, text: string, own: Own | undefined): boolean;
  leave(line: string): void;
};

/** Whose publication came back without its payload, and what it was. */
export type Own = { readonly line: string; readonly i: unknown; readonly message: Message };

export function createShares(parts: SharesParts): Shares {
  const { tell } = parts;
  const shares = new Map<string, Share>();

  function shareOf(channel: string): Share {
    let share = shares.get(channel);
    if (share === undefined) {
      share = {
        subscribed: false,
        at: null,
        lines: new Map(),
        asking: false,
        waiting: [],
        replaying: false,
        names: new Map(),
      };
      shares.set(channel, share);
    }
    return share;
  }

  /** Asks what waits, or gives up what nobody wants. */
  function next(channel: string, share: Share): void {
    if (share.asking) return;
    const [asked] = share.waiting;
    if (asked === undefined) {
      if (share.lines.size > 0) return;
      shares.delete(channel);
      if (share.subscribed) parts.ask(null, { t: 'unsub', c: channel });
      return;
    }
    share.asking = true;
    if (share.replaying && beginsAnew(asked)) {
      return parts.probe(() => {
        share.replaying = share.asking = false;
        next(channel, share);
      });
    }
    share.waiting.shift();
    share.lines.set(asked.line, []);
    parts.ask(asked, lowered(share, asked.message));
  }

  /** A `sub` begins anew for all: where one line is ahead of the others, the replay begins where they are. */
  function lowered({ at, subscribed, names }: Share, message: Message): Message {
    const { e, o, cl } = message as Partial<Subscribe>;
    const all =
      cl === undefined
        ? message
        : { ...message, cl: [...new Set([...cl, ...[...names.values()].flat()])].slice(0, MOST_NAMES) };
    return subscribed && at !== null && e === at.e && o !== undefined && o > at.o ? { ...all, o: at.o } : all;
  }

  function answered(asked: Asked, reply: Message): void {
    const channel = asked.message['c'] as string;
    const share = shares.get(channel);
    if (share === undefined) return parts.answer(asked, reply);
    share.asking = false;
    const kept = share.lines.get(asked.line);
    if (reply.t === 'ok') {
      takeStart(channel, share, asked, reply);
      // It may have left meanwhile.
      if (kept !== undefined) share.lines.set(asked.line, null);
    } else {
      share.lines.delete(asked.line);
      if (beginsAnew(asked) && reply['code'] !== 'rate_limited') lost(channel, share);
    }
    parts.answer(asked, reply);
    // What it knows already it passes over.
    if (reply.t === 'ok') for (const text of kept ?? []) tell([asked.line], text);
    next(channel, share);
  }

  /** Where the channel goes on for everybody, now that the server answered one of them. */
  function takeStart(channel: string, share: Share, asked: Asked, reply: Message): void {
    const { e, o, rec, ds } = reply;
    const before = share.at;
    const wasSubscribed = share.subscribed;
    share.subscribed = true;
    if (typeof e !== 'string' || typeof o !== 'number') return;
    const anew = beginsAnew(asked);
    if (wasSubscribed && !anew) return;
    const from = lowered(share, asked.message) as unknown as Position;
    share.at = rec === true ? { e: from.e, o: from.o } : { e, o };
    share.replaying = anew && (share.at.o < o || ds !== undefined);
    if (rec === true || !wasSubscribed || before === null) return;
    // It goes on further ahead than the others are.
    if (before.e !== e || before.o < o) resync(channel, share, asked.line);
  }

  /** A `sub` that began anew failed, and may have ended what the others have. */
  function lost(channel: string, share: Share): void {
    share.subscribed = false;
    resync(channel, share);
  }

  /** Each asks for what it misses. */
  function resync(channel: string, share: Share, but?: string): void {
    const gap: Gap = { t: 'gap', c: channel, why: 'resync' };
    spread(share, JSON.stringify(gap), false, but);
  }

  function goOn(share: Share, message: Message): void {
    const { t, e, o, ps } = message;
    const last: unknown = t === 'ps' && Array.isArray(ps) ? (ps.at(-1) as { o?: unknown } | undefined)?.o : o;
    if (typeof last !== 'number' || share.at === null) return;
    if (typeof e === 'string' && e !== share.at.e) share.at = { e, o: last };
    else if (last > share.at.o) share.at = { e: share.at.e, o: last };
  }

  /** @param keep for lines whose `sub` is under way; else what they are told by the answer says it as well */
  function spread(share: Share, text: string, keep: boolean, but?: string): void {
    const lines: string[] = [];
    for (const [line, kept] of share.lines) {
      if (line === but) continue;
      if (kept === null) lines.push(line);
      else if (keep && kept.push(text) > MOST_KEPT) parts.drop(line);
    }
    if (lines.length > 0) tell(lines, text);
  }

  /** One's own publication comes back without its payload: only the line that sent it knows it ([PUB4]). */
  function spreadOwn(share: Share, message: Message, { line, i, message: sent }: Own): void {
    const text = JSON.stringify({ ...message, i });
    const kept = share.lines.get(line);
    if (kept === null) tell([line], text);
    else kept?.push(text);
    const { c, o, ts } = message;
    const { k, del, ver, d } = sent as unknown as Publish;
    spread(share, JSON.stringify({ t: 'p', c, o, ts, by: parts.username, k, del, ver, d }), true, line);
  }

  return {
    subscribe(asked) {
      const channel = asked.message['c'] as string;
      const share = shareOf(channel);
      const { cl } = asked.message as Partial<Subscribe>;
      if (cl !== undefined) share.names.set(asked.line, cl);
      share.waiting.push(asked);
      next(channel, share);
    },
    unsubscribe(asked) {
      const channel = asked.message['c'] as string;
      parts.answer(asked, { t: 'ok' });
      const share = shares.get(channel);
      if (share === undefined) return;
      for (const waits of share.waiting)
        if (waits.line === asked.line) parts.answer(waits, { t: 'err', code: 'cancelled', m: '' });
      forget(share, asked.line);
      next(channel, share);
    },
    answered,
    take(message, text, own) {
      const { t, c } = message;
      if (typeof c !== 'string') return false;
      const share = shares.get(c);
      if (share === undefined) return true;
      goOn(share, message);
      if (t === 'unsub') {
        share.subscribed = false;
        share.at = null;
        spread(share, text, false);
        for (const [line, kept] of share.lines) if (kept === null) share.lines.delete(line);
        next(c, share);
      } else if (own !== undefined) spreadOwn(share, message, own);
      else spread(share, text, t === 'p' || t === 'ps' || t === 'gap');
      return true;
    },
    leave(line) {
      for (const [channel, share] of shares) {
        const [cl] = share.names.get(line) ?? [];
        // Clocks are those of the wall: whoever is there after all says so by a later one.
        if (cl !== undefined) parts.ask(null, { t: 'aw', c: channel, cl, n: parts.wallMs() + 1 });
        forget(share, line);
        next(channel, share);
      }
    },
  };
}

function forget(share: Share, line: string): void {
  share.lines.delete(line);
  share.names.delete(line);
  share.waiting = share.waiting.filter((asked) => asked.line !== line);
}

/** Whether what the server has sent of the channel is sent again, or left out. */
function beginsAnew({ message }: Asked): boolean {
  const { o, last, since, sv } = message;
  return [o, last, since, sv].some((each) => each !== undefined);
}
