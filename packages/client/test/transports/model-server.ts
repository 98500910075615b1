/** One session as the model keeps it: what it was told, and what it said. */
export type ModelSession = {
  readonly id: string;
  /** The newest resume token, and the one before. */
  tokens: string[];
  /** The line that it lives on. */
  line: ModelLine | null;
  /** What it said, logins and heartbeats apart. */
  readonly heard: object[];
  logins: number;
};

/** A line as the model sees it, whatever carries it. */
export type ModelLine = {
  readonly way: 'websocket' | 'sse' | 'longpoll';
  session: ModelSession | null;
  send(message: object): void;
  close(code: number): void;
};

/**
 * A server in the memory of a test, after the rules of PROTOCOL.md: sessions with resume tokens, an epoch of numbered
 * publications that a `sub` recovers, and heartbeats. It answers at once.
 */
export type ModelServer = {
  readonly sessions: ModelSession[];
  /** Payloads of the channel, by their offset from 1. */
  readonly log: unknown[];
  publish(data: unknown): void;
  /** A message of a client. */
  take(line: ModelLine, text: string): void;
  gone(line: ModelLine): void;
  /** Whether it answers `call`; else it takes its time. */
  readonly held: { calls: { line: ModelLine; i: number }[] };
};

/** @param setTimer on which it asks for heartbeats */
export function createModelServer(setTimer: (delayMs: number, fire: () => void) => () => void): ModelServer {
  const sessions: ModelSession[] = [];
  const log: { d: unknown; id: string | undefined }[] = [];
  const held: ModelServer['held'] = { calls: [] };
  const unanswered = new Set<ModelLine>();
  let last = 0;

  function publish(d: unknown, id?: string): number {
    const at = id === undefined ? -1 : log.findIndex((each) => each.id === id);
    if (at >= 0) return at + 1;
    log.push({ d, id });
    for (const session of sessions) session.line?.send({ t: 'p', c: 'chat:1', o: log.length, ts: 1, d });
    return log.length;
  }

  function logIn(line: ModelLine, message: Record<string, unknown>): void {
    const { resume } = message;
    let session = sessions.find((each) => each.tokens.includes(resume as string));
    const resumed = session !== undefined;
    if (session === undefined) {
      session = { id: `s_${++last}`, tokens: [], line: null, heard: [], logins: 0 };
      sessions.push(session);
    }
    const older = session.line;
    if (older !== null) {
      older.session = null;
      older.send({ t: 'bye', code: 'replaced', advice: 'stop' });
      older.close(4204);
    }
    session.logins++;
    session.tokens = [`r${++last}`, ...session.tokens].slice(0, 2);
    session.line = line;
    line.session = session;
    const at = 1_763_715_600_000_000;
    line.send({
      t: 'token',
      token: session.tokens[0],
      session: session.id,
      v: 1,
      resumed,
      at,
      graceMs: 60_000,
      hbMs: 30_000,
    });
    line.send({ t: 'sync', users: [] });
    beat(line);
  }

  function beat(line: ModelLine): void {
    setTimer(30_000, () => {
      if (line.session === null) return;
      // Half an interval and more went by ([HB3]).
      if (unanswered.has(line)) return line.close(4001);
      unanswered.add(line);
      line.send({ t: 'hb' });
      beat(line);
    });
  }

  return {
    sessions,
    get log() {
      return log.map(({ d }) => d);
    },
    held,
    publish: (data) => void publish(data),
    take(line, text) {
      const message = JSON.parse(text) as Record<string, unknown>;
      const { i } = message;
      unanswered.delete(line);
      if (message['t'] === 'hb') return message['q'] === undefined ? undefined : line.send(message);
      if (message['t'] === 'login') return logIn(line, message);
      if (line.session === null) return line.send({ t: 'err', code: 'not_logged_in', m: '', i });
      line.session.heard.push(message);
      switch (message['t']) {
        case 'sub': {
          const { e, o } = message as { e?: string; o?: number };
          const from = e === 'x' && o !== undefined ? o : null;
          const top = { e: 'x', o: log.length };
          line.send({ t: 'ok', i, ...top, ...(from === null ? {} : { rec: true }) });
          const missed = from === null ? [] : log.slice(from);
          const ps = missed.map(({ d }, at) => ({ o: (from ?? 0) + at + 1, ts: 1, d }));
          if (ps.length > 0) line.send({ t: 'ps', c: 'chat:1', ps });
          return;
        }
        case 'pub': {
          const o = publish(message['d'], message['id'] as string);
          return line.send({ t: 'ok', i, e: 'x', o });
        }
        case 'call':
          return void held.calls.push({ line, i: i as number });
        case 'logout':
          line.send({ t: 'ok', i });
          return line.close(4205);
        default:
          return i === undefined ? undefined : line.send({ t: 'ok', i });
      }
    },
    gone(line) {
      if (line.session?.line === line) line.session.line = null;
      line.session = null;
    },
  };
}
