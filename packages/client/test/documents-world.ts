import { expect } from 'vitest';
import * as Y from 'yjs';
import { fromBase64, toBase64 } from '../src/core/document/base64.ts';
import { type Document, createDocument } from '../src/core/document/document.ts';
import type { DocumentEffect, DocumentEvent, OwnUpdate } from '../src/core/document/document-events.ts';
import type { Position } from '../src/index.ts';
import { replicaOf } from '../src/yjs/replica.ts';

export type Message = Record<string, unknown>;

export const CHANNEL = 'doc:1';

/** A document on a server, made from the rules of PROTOCOL.md alone; it speaks in whole messages. */
export type FakeServer = {
  epoch: number;
  log: { readonly update: Uint8Array; readonly by: string }[];
  /** Publications up to here are in a snapshot, and no longer in the log. */
  trimmed: number;
  /** Bytes of a state that go in one `ds`. */
  partBytes: number;
  role: (user: string) => 'none' | 'read' | 'write';
  /** What becomes of the next publication on its way to one who is joined, and not its author. */
  fate: 'told' | 'lost' | 'twice';
  /** What to say to the next requests of this type in place of carrying them out. */
  refusals: { t: string; code: string; retryAfterMs?: number }[];
  /** Full updates that were taken, and what was answered `update_gap`. */
  full: number;
  gaps: number;
  updates: number;
};

export function newServer(): FakeServer {
  return {
    epoch: 1,
    log: [],
    trimmed: 0,
    partBytes: 1_000,
    role: () => 'write',
    refusals: [],
    fate: 'told',
    full: 0,
    gaps: 0,
    updates: 0,
  };
}

export function docOf({ log }: FakeServer, upTo = log.length): Y.Doc {
  const doc = new Y.Doc();
  for (const { update } of log.slice(0, upTo)) Y.applyUpdate(doc, update);
  return doc;
}

/** One session's line to the server: what the server says to it. */
export type FakeLine = {
  readonly user: string;
  joined: boolean;
  parts: Uint8Array[];
  say(message: Message): void;
};

let states = 0;

/** The server takes a message of a line. */
export function serve(
  server: FakeServer,
  line: FakeLine,
  lines: readonly FakeLine[],
  message: Message,
): void {
  const { t, i } = message;
  const at = server.refusals.findIndex((refusal) => refusal.t === t);
  if (at !== -1) {
    const [refusal] = server.refusals.splice(at, 1);
    line.parts = [];
    return line.say({ i, m: 'no', ...refusal, t: 'err' });
  }
  switch (t) {
    case 'sub':
      return join(server, line, message);
    case 'unsub':
      line.joined = false;
      return;
    case 'upd':
      return update(server, line, lines, message);
    case 'aw':
      return line.say({ t: 'ok', i });
    default:
      throw new Error(`unexpected ${String(t)}`);
  }
}

function join(server: FakeServer, line: FakeLine, { i, e, o, sv, cl }: Message): void {
  expect(Array.isArray(cl) && cl.length <= 16, 'names its client ids').toBe(true);
  const role = server.role(line.user);
  if (role === 'none') return line.say({ t: 'err', i, code: 'forbidden', m: 'no such document' });
  const { log, trimmed } = server;
  const top = { e: `e${server.epoch}`, o: log.length };
  const vector = toBase64(Y.encodeStateVector(docOf(server)));
  line.joined = true;
  line.parts = [];
  const ok = { t: 'ok', i, ...top, role, sv: vector };
  const offset = o as number;
  const recovers = e === top.e && offset >= trimmed && offset <= log.length;
  const from = recovers ? offset : trimmed;
  if (recovers) line.say({ ...ok, rec: true });
  else if (trimmed === 0) line.say({ ...ok, ...(e === undefined ? {} : { rec: false, why: 'epoch' }) });
  else {
    const whole = Y.encodeStateAsUpdate(docOf(server, trimmed), fromBase64(sv as string));
    const ds = ++states;
    line.say({ ...ok, ds, ...(e === undefined ? {} : { rec: false, why: 'trimmed' }) });
    const of = Math.max(1, Math.ceil(whole.length / server.partBytes));
    for (let n = 1; n <= of; n++) {
      const d = toBase64(whole.slice((n - 1) * server.partBytes, n * server.partBytes));
      line.say({ t: 'ds', c: CHANNEL, i: ds, n, of, o: trimmed, d });
    }
  }
  const ps = log.slice(from).map(({ update: bytes, by }, index) => ({
    ...{ o: from + index + 1, ts: 1, by },
    d: toBase64(bytes),
  }));
  const half = Math.ceil(ps.length / 2);
  for (const some of [ps.slice(0, half), ps.slice(half)])
    if (some.length > 0) line.say({ t: 'ps', c: CHANNEL, ps: some });
}

function update(
  server: FakeServer,
  line: FakeLine,
  lines: readonly FakeLine[],
  { i, d, n, of, full }: Message,
): void {
  if (!line.joined) return line.say({ t: 'err', i, code: 'not_subscribed', m: 'join first' });
  if (server.role(line.user) !== 'write')
    return line.say({ t: 'err', i, code: 'forbidden', m: 'reads only' });
  const bytes = fromBase64(d as string);
  if (bytes === undefined) return line.say({ t: 'err', i, code: 'bad_message', m: 'd' });
  if (n !== undefined) {
    if (n === 1) line.parts = [];
    if (line.parts.length !== (n as number) - 1) {
      line.parts = [];
      return line.say({ t: 'err', i, code: 'bad_message', m: 'begin with the first' });
    }
    line.parts.push(bytes);
    if (n !== of) return line.say({ t: 'ok', i });
  }
  const whole = n === undefined ? bytes : Uint8Array.from(line.parts.flatMap((part) => [...part]));
  line.parts = [];
  server.updates++;
  if (full === true) server.full++;
  const doc = docOf(server);
  const before = Y.encodeStateAsUpdate(doc);
  Y.applyUpdate(doc, whole);
  const e = `e${server.epoch}`;
  if (doc.store.pendingStructs !== null || doc.store.pendingDs !== null) {
    server.gaps++;
    return line.say({ t: 'err', i, code: 'update_gap', m: 'join again' });
  }
  if (toBase64(before) === toBase64(Y.encodeStateAsUpdate(doc)))
    return line.say({ t: 'ok', i, e, o: server.log.length, dup: true });
  server.log.push({ update: whole, by: line.user });
  const o = server.log.length;
  for (const other of lines)
    if (other === line) other.say({ t: 'p', c: CHANNEL, o, own: true, i });
    else if (other.joined) {
      const p = { t: 'p', c: CHANNEL, o, ts: 1, by: line.user, d: toBase64(whole) };
      if (server.fate !== 'lost') other.say(p);
      if (server.fate === 'twice') other.say(p);
      server.fate = 'told';
    }
  line.say({ t: 'ok', i, e, o });
}

/** Another tab of the session changes the document: this one is told of a request that it does not know. */
export function changeBeside(server: FakeServer, line: FakeLine, word: string): void {
  const doc = docOf(server);
  const vector = Y.encodeStateVector(doc);
  doc.getText('t').insert(0, word);
  server.log.push({ update: Y.encodeStateAsUpdate(doc, vector), by: line.user });
  line.say({ t: 'p', c: CHANNEL, o: server.log.length, own: true, i: 1_000_001 });
}

/** What a device keeps of a document over a crash, as the effects tell it. */
type Kept = { own: OwnUpdate[]; updates: Uint8Array[]; position: Position | null };

/** One device: the core with a Y.Doc, its line, and what it keeps. */
export type Device = {
  readonly user: string;
  doc: Y.Doc;
  document: Document;
  readonly kept: Kept;
  line: FakeLine | null;
  /** What is on its way up and down, and the requests that are not answered. */
  up: { readonly ask: number | null; readonly text: (id: number) => string | null }[];
  down: Message[];
  asks: Map<number, number>;
  alarmAtMs: number | null;
  effects: DocumentEffect[];
  /** The most updates that were merged at once. */
  mostMerged: number;
  dispatch(event: DocumentEvent): void;
  edit(run: (text: Y.Text) => void): void;
};

export function newDevice(user: string, clock: { nowMs: number }, partUnits = 64): Device {
  const origin = {};
  let lastId = 0;
  let lastRequest = -1;
  const kept: Kept = { own: [], updates: [], position: null };
  const device: Device = {
    user,
    doc: new Y.Doc(),
    document: undefined as unknown as Document,
    kept,
    line: null,
    up: [],
    down: [],
    asks: new Map(),
    alarmAtMs: null,
    effects: [],
    mostMerged: 0,
    dispatch(event) {
      const turn = { nowMs: clock.nowMs, wallMs: 1_763_715_600_000 + clock.nowMs, random: 0.5 };
      for (const effect of device.document.handle(event, turn)) perform(effect);
    },
    edit: (run) => device.doc.transact(() => run(device.doc.getText('t'))),
  };

  function perform(effect: DocumentEffect): void {
    device.effects.push(effect);
    switch (effect.do) {
      case 'ask':
        device.up.push({ ask: effect.ask, text: effect.text });
        return;
      case 'say':
        device.up.push({ ask: null, text: () => effect.text });
        return;
      case 'setAlarm':
        device.alarmAtMs = clock.nowMs + effect.delayMs;
        return;
      case 'clearAlarm':
        device.alarmAtMs = null;
        return;
      case 'acknowledged':
        for (const id of effect.ids) {
          const own = kept.own.find((each) => each.id === id);
          expect(own, 'acknowledges what was not').toBeDefined();
          kept.own = kept.own.filter((each) => each !== own);
          kept.updates.push(own!.update);
        }
        return;
      case 'applied':
        // A state may be older than what was applied before it: then it says less than what is kept.
        kept.updates.push(...effect.updates);
        kept.position = effect.position ?? kept.position;
        return;
      default:
        return;
    }
  }

  function start(doc: Y.Doc): void {
    device.doc = doc;
    const replica = replicaOf(
      () => device.doc,
      origin,
      (error) => {
        throw error;
      },
    );
    device.document = createDocument(
      { channel: CHANNEL, delayMs: 10, awarenessMs: 33, partUnits },
      {
        ...replica,
        merge(updates) {
          device.mostMerged = Math.max(device.mostMerged, updates.length);
          return replica.merge(updates);
        },
      },
    );
    doc.on('update', (bytes: Uint8Array, by: unknown) => {
      if (by === origin) return;
      const own = { id: ++lastId, update: bytes };
      kept.own.push(own);
      device.dispatch({ type: 'edited', own });
    });
  }

  start(device.doc);
  return Object.assign(device, {
    /** The page ends without a word, and another begins on what was kept. */
    crash() {
      device.line = null;
      device.up = [];
      device.down = [];
      device.asks.clear();
      device.alarmAtMs = null;
      const doc = new Y.Doc();
      for (const bytes of [...kept.updates, ...kept.own.map((own) => own.update)])
        Y.applyUpdate(doc, bytes, origin);
      start(doc);
      device.dispatch({ type: 'opened', position: kept.position, own: kept.own, unsure: false });
    },
    /** Sends the next of what waits. */
    sendNext(server: FakeServer, lines: readonly FakeLine[]) {
      const next = device.up.shift();
      if (next === undefined || device.line === null) return;
      const text = next.text((lastRequest += 2));
      if (text === null) return;
      if (next.ask !== null) device.asks.set(lastRequest, next.ask);
      serve(server, device.line, lines, JSON.parse(text) as Message);
    },
    receiveNext() {
      const message = device.down.shift();
      if (message === undefined) return;
      if (message['t'] !== 'ok' && message['t'] !== 'err')
        return device.dispatch({ type: 'message', message: message as never });
      const ask = device.asks.get(message['i'] as number);
      device.asks.delete(message['i'] as number);
      if (ask !== undefined) device.dispatch({ type: 'answered', ask, reply: message as never });
    },
    connect() {
      const line: FakeLine = {
        user,
        joined: false,
        parts: [],
        say: (message) => {
          if (device.line === line) device.down.push(JSON.parse(JSON.stringify(message)) as Message);
        },
      };
      device.line = line;
      device.dispatch({ type: 'live' });
    },
    cut() {
      if (device.line === null) return;
      device.line.joined = false;
      device.line = null;
      device.down = [];
      const asks = [...device.asks.values()];
      const waiting = device.up;
      device.asks.clear();
      device.up = [];
      for (const ask of asks) device.dispatch({ type: 'unanswered', ask, sent: true });
      for (const { ask } of waiting)
        if (ask !== null) device.dispatch({ type: 'unanswered', ask, sent: false });
      device.dispatch({ type: 'down', stopped: null });
    },
    ring() {
      if (device.alarmAtMs === null || device.alarmAtMs > clock.nowMs) return;
      device.alarmAtMs = null;
      device.dispatch({ type: 'alarm' });
    },
  });
}

export type FullDevice = Device & {
  crash(): void;
  sendNext(server: FakeServer, lines: readonly FakeLine[]): void;
  receiveNext(): void;
  connect(): void;
  cut(): void;
  ring(): void;
};

export function makeDevice(user: string, clock: { nowMs: number }, partUnits?: number): FullDevice {
  return newDevice(user, clock, partUnits) as FullDevice;
}
