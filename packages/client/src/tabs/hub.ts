import { MAX_CALL_MS } from '@carillon/protocol';
import type { Platform, WebSocketLike } from '../platform.ts';
import { createGreeting } from './greeting.ts';
import { type Asked, type Message, type Own, type Shares, createShares } from './shares.ts';

/** A message of more characters is counted before it is read, and its refusal names no request ([LIM1]). */
const LARGE_UNITS = 4096;

/** Publications whose payload is kept until they come back; one that comes later is read from the history. */
const MOST_OWN = 64;

/** Close codes: a line that dropped (RFC 6455, section 7.1.5), and one whose session another connection has. */
const ABNORMAL_CLOSE = 1006;
const REPLACED_CLOSE = 4204;

export type HubParts = {
  readonly username: string;
  readonly fields: readonly string[];
  /** A line to the server that stands open already, for the first use. */
  readonly first: WebSocketLike | null;
  /** Opens a line to the server. @throws what the WebSocket constructor throws */
  readonly dial: (give: (socket: WebSocketLike) => void) => void;
  readonly opened: (lines: readonly string[]) => void;
  readonly tell: (lines: readonly string[], text: string) => void;
  readonly closed: (lines: readonly string[], code: number) => void;
  /** The newest resume token, which outlives the hub. */
  readonly resume: { get(): string | null; set(token: string | null, at: number): void };
  /** Whether the session that another connection took is another's, and not that of a tab that led or leads. */
  readonly isOthers: () => Promise<boolean>;
  readonly platform: Pick<Platform, 'nowMs' | 'wallMs' | 'report'>;
};

/**
 * One connection for many lines: each line is a whole client that talks as it would to the server. The hub logs in once, numbers
 * requests anew, and subscribes to a channel once for all.
 */
export type Hub = {
  open(line: string): void;
  up(line: string, text: string): void;
  /** The line is given up. @param gone with its tab: that says nothing of the way to the server */
  leave(line: string, gone?: boolean): void;
  /** Whether a change of the line would cost a call its answer. */
  busy(): boolean;
  /** Ends the session for everybody. */
  logout(): void;
  /** Ends the line to the server. Nobody is told: the lines go on with the next leader. */
  end(): void;
};

/** A call of the server, with the lines that were not asked yet. */
type Served = { readonly text: string; readonly others: string[]; readonly overAtMs: number };

/** `waiting`: it has logged in, and the session is not there yet. */
type LineState = 'new' | 'waiting' | 'live';

export function createHub(parts: HubParts): Hub {
  const { platform } = parts;
  const lines = new Map<string, LineState>();
  const asked = new Map<number, Asked>();
  const owns = new Map<number, Own>();
  const probes = new Map<number, (echo: Message) => void>();
  const served = new Map<unknown, Served>();
  const large: { flying: number | null; waiting: (() => void)[] } = { flying: null, waiting: [] };
  let socket: WebSocketLike | null = null;
  let { first } = parts;
  let opening = false;
  let open = false;
  const greeting = createGreeting(parts.fields);
  /** Whose login is on its way. */
  let loggingIn: string | null = null;
  let lastId = 0;

  let shares = newShares();

  function newShares(): Shares {
    return createShares({
      username: parts.username,
      wallMs: platform.wallMs,
      tell: parts.tell,
      ask(question, message) {
        if (question === null) send(message);
        else request(question, message);
      },
      probe(echoed) {
        probes.set(++lastId, echoed);
        send({ t: 'hb', q: lastId });
      },
      answer,
      drop: (line) => close([line], ABNORMAL_CLOSE),
    });
  }

  const live = (): string[] => [...lines].filter(([, state]) => state === 'live').map(([name]) => name);

  function send(message: Message): void {
    if (open) socket?.send(JSON.stringify(message));
  }

  /** Asks the server under a number of the hub's own. One large message is under way at a time. */
  function request(question: Asked, message = question.message): void {
    const id = ++lastId;
    const text = JSON.stringify({ ...message, i: id });
    const go = (): void => {
      if (text.length > LARGE_UNITS) large.flying = id;
      asked.set(id, question);
      const { t, n } = question.message;
      // Of an update in parts nobody has the whole: other tabs read it from the history.
      if (t === 'pub' || (t === 'upd' && n === undefined)) keepOwn(id, question);
      if (open) socket?.send(text);
    };
    if (text.length > LARGE_UNITS && large.flying !== null) large.waiting.push(go);
    else go();
  }

  function keepOwn(id: number, { line, message }: Asked): void {
    owns.set(id, { line, i: message['i'], message });
    const [oldest] = owns.keys();
    if (owns.size > MOST_OWN && oldest !== undefined) owns.delete(oldest);
  }

  function answer({ line, message }: Asked, reply: Message): void {
    const { i } = message;
    if (i !== undefined && lines.has(line)) parts.tell([line], JSON.stringify({ ...reply, i }));
  }

  /** Opens the line to the server, for the first who wants it. */
  function dial(): void {
    if (opening) return;
    opening = true;
    if (first !== null) {
      listen(first);
      first = null;
      return opened();
    }
    try {
      parts.dial((given) => (opening && socket === null ? listen(given) : given.close()));
    } catch (error) {
      platform.report(error);
      reset(ABNORMAL_CLOSE);
    }
  }

  function listen(given: WebSocketLike): void {
    socket = given;
    given.addEventListener('open', () => socket === given && opened());
    given.addEventListener('message', ({ data }) => {
      if (socket === given && typeof data === 'string') down(data);
    });
    given.addEventListener('close', ({ code }) => socket === given && lost(code));
    // A close follows.
    given.addEventListener('error', () => {});
  }

  function opened(): void {
    open = true;
    parts.opened([...lines.keys()]);
  }

  function lost(code: number): void {
    if (code === REPLACED_CLOSE) unlessTab(() => reset(code));
    else reset(code);
  }

  /** Another connection has the session: another tab's, most often, and the lines go on by that one. Else it is for them to know. */
  function unlessTab(say: () => void): void {
    const replaced = socket;
    const go = (isOthers: boolean): void => {
      if (socket !== replaced) return;
      if (!isOthers) return reset(ABNORMAL_CLOSE);
      // Whoever comes back begins another session.
      parts.resume.set(null, 0);
      say();
    };
    parts.isOthers().then(go, () => go(false));
  }

  /** The line to the server is gone: whoever wants another opens it. */
  function reset(code: number): void {
    const [before, asker] = [socket, loggingIn];
    socket = null;
    opening = open = false;
    greeting.lost();
    loggingIn = null;
    asked.clear();
    owns.clear();
    probes.clear();
    served.clear();
    large.flying = null;
    large.waiting = [];
    shares = newShares();
    before?.close();
    // Whatever the server has against a login concerns whoever sent it: the others have tokens of their own.
    if (asker !== null && lines.has(asker)) close([asker], code);
    close([...lines.keys()], asker === null ? code : ABNORMAL_CLOSE);
  }

  /** Those that what the server says now is meant for. */
  const concerned = (all: Iterable<string>): string[] => (loggingIn === null ? [...all] : [loggingIn]);

  function close(names: readonly string[], code: number): void {
    for (const name of names) {
      lines.delete(name);
      shares.leave(name);
    }
    if (names.length > 0) parts.closed(names, code);
  }

  function up(name: string, text: string): void {
    const message = messageOf(text);
    if (!lines.has(name) || message === null || !open) return;
    const { t, q, r } = message;
    if (t === 'login') return login(name, message);
    if (t === 'sub') return shares.subscribe({ line: name, message });
    if (t === 'unsub') return shares.unsubscribe({ line: name, message });
    if (t === 're') return reply(text, message);
    if (t === 'hb') {
      // The server's own question is answered once, as soon as it comes.
      if (q === undefined) return;
      probes.set(++lastId, (echo) => parts.tell([name], JSON.stringify({ ...echo, q })));
      return send({ t, q: lastId });
    }
    if (t === 'cancel') {
      for (const [id, question] of asked)
        if (question.line === name && question.message['i'] === r) send({ t, r: id });
      return;
    }
    if (message['i'] === undefined) send(message);
    else request({ line: name, message });
  }

  function login(name: string, message: Message): void {
    lines.set(name, 'waiting');
    if (greeting.complete()) return welcome();
    if (loggingIn !== null) return;
    loggingIn = name;
    // What this line knows of the friends is not what the others do, who are told of them by the hub.
    const [at, resume] = [greeting.at(), parts.resume.get() ?? message['resume']];
    request({ line: name, message }, { ...message, at, resume });
  }

  /** The session is there: whoever waits for it is told what the server told the first. */
  function welcome(): void {
    for (const [name, state] of lines) {
      if (state !== 'waiting') continue;
      lines.set(name, 'live');
      for (const text of [greeting.token(), greeting.sync()]) parts.tell([name], text);
    }
  }

  function down(text: string): void {
    const message = messageOf(text);
    if (message === null) return;
    const { t, i } = message;
    switch (t) {
      case 'token':
        greeting.take(message);
        parts.resume.set(message['token'] as string, message['at'] as number);
        return parts.tell(concerned(live()), text);
      case 'sync':
      case 'u':
      case 'o':
      case 'x':
        greeting.take(message);
        return loggingIn === null ? parts.tell(live(), text) : synced(loggingIn);
      case 'hb':
        return heartbeat(message, text);
      case 'ok':
      case 'err':
        return answered(message, text);
      case 'call':
        return take(message, text);
      case 'bye':
        if (message['code'] === 'replaced') return unlessTab(() => parts.tell(concerned(lines.keys()), text));
        return parts.tell(concerned(lines.keys()), text);
      default: {
        const own = message['own'] === true ? owns.get(i as number) : undefined;
        if (own !== undefined) owns.delete(i as number);
        // An invitation finds no share.
        if (t === 'sub' || !shares.take(message, text, own)) parts.tell(live(), text);
      }
    }
  }

  function synced(name: string): void {
    if (!greeting.complete()) return;
    lines.set(name, 'live');
    // All of them: the server may have said only what changed since the hub knew them last.
    parts.tell([name], greeting.sync());
    loggingIn = null;
    welcome();
  }

  function heartbeat(message: Message, text: string): void {
    const { q } = message;
    if (q === undefined) {
      send({ t: 'hb' });
      greeting.take(message);
      return parts.tell(live(), text);
    }
    const echoed = probes.get(q as number);
    probes.delete(q as number);
    echoed?.(message);
  }

  function answered(reply: Message, text: string): void {
    const { t, i, code } = reply;
    // A refusal that names no request is meant for the large message that is under way.
    const id = i === undefined ? large.flying : (i as number);
    const question = id === null ? undefined : asked.get(id);
    if (id === null || question === undefined) {
      if (code === 'resume_failed') parts.resume.set(null, 0);
      return i === undefined ? parts.tell(concerned(live()), text) : undefined;
    }
    asked.delete(id);
    if (large.flying === id) {
      large.flying = null;
      large.waiting.shift()?.();
    }
    const { line, message } = question;
    if (i === undefined) return parts.tell([line], text);
    if (message.t === 'sub') return shares.answered(question, reply);
    answer(question, reply);
    if (t !== 'ok' || !greeting.agree(message, reply)) return;
    // What one tab has set the others restate, should the session be lost.
    const others = live().filter((name) => name !== line);
    if (others.length > 0) parts.tell(others, greeting.token());
  }

  function take({ i, ms }: Message, text: string): void {
    const nowMs = platform.nowMs();
    // Nobody waits for these any more: a handler that never ends must not be remembered for ever.
    for (const [call, { overAtMs }] of served) if (overAtMs <= nowMs) served.delete(call);
    served.set(i, { text, others: live(), overAtMs: nowMs + (typeof ms === 'number' ? ms : MAX_CALL_MS) });
    serve(i);
  }

  /** The server's call goes to one line after the other, until one has a handler for it. */
  function serve(call: unknown): void {
    const asking = served.get(call);
    const next = asking?.others.shift();
    if (asking !== undefined && next !== undefined) parts.tell([next], asking.text);
  }

  function reply(text: string, { r, code }: Message): void {
    if (code === 'call_unknown' && (served.get(r)?.others.length ?? 0) > 0) return serve(r);
    if (served.delete(r) && open) socket?.send(text);
  }

  return {
    open(name) {
      if (!lines.has(name)) lines.set(name, 'new');
      if (open) parts.opened([name]);
      else dial();
    },
    up,
    leave(name, gone = false) {
      if (!lines.delete(name)) return;
      shares.leave(name);
      // Whoever waited for too long says that this way does not work: the next attempt may be by another.
      const gaveUp = !open && !gone;
      if (gaveUp || (loggingIn === name && !greeting.complete()) || lines.size === 0) reset(ABNORMAL_CLOSE);
    },
    busy() {
      const nowMs = platform.nowMs();
      return (
        [...served.values()].some(({ overAtMs }) => overAtMs > nowMs) ||
        [...asked.values()].some(({ message }) => message.t === 'call')
      );
    },
    logout() {
      if (greeting.complete()) send({ t: 'logout' });
    },
    end() {
      lines.clear();
      reset(ABNORMAL_CLOSE);
      first?.close();
    },
  };
}

function messageOf(text: string): Message | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Message) : null;
  } catch {
    // A tab's client sends JSON and nothing else; of a server's page nothing can be handed on.
    return null;
  }
}
