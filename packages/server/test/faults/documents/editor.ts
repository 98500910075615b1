import * as Y from 'yjs';
import { type BareClient, connectBare, type Wire } from '../../wire/scene/bare-client.ts';
import { base64, bytesOf, textOf, typed } from '../../documents/yjs-client.ts';

/** Bytes of one part of an update: base64 makes a third more of it, and a message has 64 KiB. */
const PART_BYTES = 40_000;

/** How long somebody waits before they knock again at a node that is down, ms. */
const KNOCK_AGAIN_MS = 100;

/** One who types in a document over literal frames, through cuts and killed nodes, and never forgets what was not acknowledged. */
export type Editor = {
  readonly user: string;
  readonly doc: Y.Doc;
  /** Everything that was acknowledged, by its token. */
  readonly acknowledged: ReadonlySet<string>;
  /** Tokens that this one has deleted. */
  readonly deleted: ReadonlySet<string>;
  /** Whether a change waits for its answer. */
  readonly busy: boolean;
  readonly refusals: readonly string[];
  /** Writes a token of its own at a random place, or deletes one of its own. */
  edit(): void;
  /** Breaks the line; it comes back by itself, to the next node. */
  cut(): void;
  end(): void;
};

type Sent = { readonly upTo: number; readonly i: number };

/**
 * @param pick the port to knock at next
 * @param random from 0 to 1
 */
export function openEditor(user: string, channel: string, pick: () => number, random: () => number): Editor {
  const doc = new Y.Doc();
  const acknowledged = new Set<string>();
  const deleted = new Set<string>();
  const own: string[] = [];
  const refusals: string[] = [];
  /** Updates that nobody has acknowledged, and the tokens that they bring; what came first is sent first. */
  let unacknowledged: { readonly update: Uint8Array; readonly token: string | null }[] = [];
  let client: BareClient | null = null;
  let joined = false;
  let sent: Sent | null = null;
  let request = 0;
  let tokens = 0;
  let ended = false;
  let resume = '';
  let remote = false;

  doc.on('update', (update: Uint8Array) => {
    if (!remote) unacknowledged.push({ update, token: pendingToken });
  });
  let pendingToken: string | null = null;

  function apply(update: Uint8Array): void {
    remote = true;
    Y.applyUpdate(doc, update);
    remote = false;
  }

  async function connect(): Promise<void> {
    if (ended) return;
    let mine: BareClient | null = null;
    try {
      mine = await connectBare(pick());
      await mine.logIn(user, resume === '' ? {} : { resume });
      resume = mine.resumeToken;
    } catch {
      mine?.drop();
      setTimeout(() => void connect(), KNOCK_AGAIN_MS);
      return;
    }
    client = mine;
    joined = false;
    sent = null;
    const line = mine;
    void line.closed.then(() => {
      if (client !== line) return;
      client = null;
      joined = false;
      sent = null;
      void connect();
    });
    line.onMessage = (message) => receive(line, message);
    join(line);
  }

  function join(line: BareClient): void {
    joined = false;
    sent = null;
    parts.length = 0;
    joining = ++request;
    line.send({ t: 'sub', c: channel, i: joining, sv: base64(Y.encodeStateVector(doc)), cl: [doc.clientID] });
  }
  let joining = 0;
  let stateNumber: unknown;
  const parts: Uint8Array[] = [];

  function receive(line: BareClient, message: Wire): void {
    if (client !== line) return;
    const { t } = message;
    if (t === 'ok' && message['i'] === joining) {
      stateNumber = message['ds'];
      joined = true;
      const theirs = bytesOf(String(message['sv']));
      if (lacks(theirs)) sendFull(line, theirs);
      else flush();
    } else if (t === 'err' && message['i'] === joining)
      setTimeout(() => client === line && join(line), KNOCK_AGAIN_MS);
    else if (t === 'ds' && message['i'] === stateNumber) {
      parts.push(bytesOf(String(message['d'])));
      if (message['n'] === message['of']) apply(new Uint8Array(Buffer.concat(parts.splice(0))));
    } else if (t === 'ps') for (const { d } of message['ps'] as { d: string }[]) apply(bytesOf(d));
    else if (t === 'p' && typeof message['d'] === 'string') apply(bytesOf(message['d']));
    else if (t === 'gap') join(line);
    else if (sent !== null && message['i'] === sent.i && (t === 'ok' || t === 'err')) answered(line, message);
  }

  /** Whether the server is without something that it had acknowledged: it lost its memory. */
  function lacks(theirs: Uint8Array): boolean {
    const known = Y.decodeStateVector(theirs);
    const waiting = new Map<number, number>();
    for (const { update } of unacknowledged)
      for (const [id, from] of Y.parseUpdateMeta(update).from)
        waiting.set(id, Math.min(waiting.get(id) ?? Infinity, from));
    for (const [id, clock] of Y.decodeStateVector(Y.encodeStateVector(doc)))
      if ((known.get(id) ?? 0) < Math.min(clock, waiting.get(id) ?? Infinity)) return true;
    return false;
  }

  function sendFull(line: BareClient, theirs: Uint8Array): void {
    send(line, Y.encodeStateAsUpdate(doc, theirs), true);
  }

  function flush(): void {
    if (client === null || !joined || sent !== null || unacknowledged.length === 0) return;
    send(client, Y.mergeUpdates(unacknowledged.map(({ update }) => update)), false);
  }

  function send(line: BareClient, update: Uint8Array, full: boolean): void {
    sent = { upTo: unacknowledged.length, i: ++request };
    const flags = full ? { full: true } : {};
    const of = Math.max(1, Math.ceil(update.length / PART_BYTES));
    for (let n = 1; n <= of; n++) {
      const d = base64(update.subarray((n - 1) * PART_BYTES, n * PART_BYTES));
      const place = of === 1 ? {} : { n, of };
      line.send({ t: 'upd', c: channel, d, ...place, ...flags, ...(n === of ? { i: sent.i } : {}) });
    }
  }

  function answered(line: BareClient, message: Wire): void {
    const upTo = sent?.upTo ?? 0;
    sent = null;
    if (message.t === 'ok') {
      for (const { token } of unacknowledged.slice(0, upTo)) if (token !== null) acknowledged.add(token);
      unacknowledged = unacknowledged.slice(upTo);
      return flush();
    }
    refusals.push(String(message['code']));
    const retryMs = Number(message['retryAfterMs'] ?? 0);
    // What it builds on went with the server's memory.
    if (message['code'] === 'update_gap') return join(line);
    setTimeout(() => client === line && flush(), Math.min(retryMs, KNOCK_AGAIN_MS));
  }

  void connect();
  return {
    user,
    doc,
    acknowledged,
    deleted,
    refusals,
    get busy() {
      return unacknowledged.length > 0 || !joined || sent !== null;
    },
    edit() {
      const text = typed(doc);
      const victim = random() < 0.15 ? own.splice(Math.floor(random() * own.length), 1)[0] : undefined;
      const at = victim === undefined ? -1 : textOf(doc).indexOf(victim);
      if (victim !== undefined && at >= 0) {
        deleted.add(victim);
        pendingToken = null;
        text.delete(at, victim.length);
        flush();
        return;
      }
      const token = `<${user}.${++tokens}>`;
      pendingToken = token;
      // Between two tokens: one that is torn could not be looked for.
      const places = [0, ...[...textOf(doc).matchAll(/>/g)].map(({ index }) => index + 1)];
      text.insert(places[Math.floor(random() * places.length)] ?? 0, token);
      own.push(token);
      flush();
    },
    cut: () => client?.drop(),
    end() {
      ended = true;
      client?.drop();
    },
  };
}
