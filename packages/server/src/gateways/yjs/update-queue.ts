import type { Err, Ok } from '@carillon/protocol';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { PacedLine } from './paced-line.ts';

/** Updates of one document that wait for their answers at once. */
const WINDOW = 32;

/** When a refusal does not say when to try again, ms. */
const RETRY_MS = 1_000;

/** Updates refused in a row, none taken between, after which the client and the server do not come to terms. */
const MAX_REFUSALS = 2;

export type UpdateEvents = {
  /** So many messages of the client are kept. */
  saved(messages: number): void;
  /** It may not write: this update is refused, and what it has of those it must forget or keep to itself. */
  forbidden(detail: string): void;
  /** An update was refused, and with it all behind it: the client is to be asked for what the server lacks. */
  askAnew(): void;
  /** The client and the server do not come to terms. */
  failed(code: string, detail: string): void;
};

type Update = {
  readonly data: string;
  readonly full: boolean;
  state: 'queued' | 'sent' | 'void';
};

/** Updates of one client to one document, from when they come to when they are kept. In their order: each may build on those before it. */
export type UpdateQueue = {
  /** Bytes that are not kept yet. */
  readonly bytes: number;
  add(update: Uint8Array, full: boolean): void;
  /** The client may send what it has, from now on: nothing goes out before. */
  open(): void;
  /** Nothing is sent until `open`; what was sent is answered all the same. */
  hold(): void;
  /** What is not kept yet is given up; its answers count no more. */
  forsake(): void;
  stop(): void;
};

export function createUpdateQueue(
  channel: string,
  line: PacedLine,
  /** How long the text of a message may be. */
  messageUnits: number,
  clock: Pick<Clock, 'setTimer'>,
  events: UpdateEvents,
): UpdateQueue {
  const partUnits = Math.floor((messageUnits - ENVELOPE_UNITS) / 4) * 4;
  let updates: Update[] = [];
  let units = 0;
  let isOpen = false;
  let retryMs: number | null = null;
  let timer: Timer | null = null;
  let refusals = 0;
  /** Messages that were refused, whose content comes again with the next whole answer. */
  let owed = 0;

  function pump(): void {
    if (!isOpen || retryMs !== null) return;
    let sent = updates.filter(({ state }) => state === 'sent').length;
    for (const update of updates) {
      if (sent >= WINDOW) return;
      if (update.state !== 'queued') continue;
      update.state = 'sent';
      sent++;
      send(update);
    }
  }

  function send(update: Update): void {
    const { data, full } = update;
    const of = Math.max(1, Math.ceil(data.length / partUnits));
    for (let n = 1; n <= of; n++) {
      const d = of === 1 ? data : data.slice((n - 1) * partUnits, n * partUnits);
      const message = {
        ...({ t: 'upd', c: channel, d } as const),
        ...(of === 1 ? {} : { n, of }),
        ...(full ? { full } : {}),
      };
      if (n < of) line.send(message, d.length + ENVELOPE_UNITS);
      else line.ask(message, d.length + ENVELOPE_UNITS, (answer) => answered(update, answer));
    }
  }

  function answered(update: Update, answer: Ok | Err | null): void {
    if (answer === null || update.state === 'void') return;
    if (answer.t === 'ok') {
      remove(update);
      refusals = 0;
      events.saved(1 + (update.full ? owed : 0));
      if (update.full) owed = 0;
    } else refused(update, answer);
    if (retryMs !== null) retrySoon();
    pump();
  }

  function refused(update: Update, { code, m, retryAfterMs }: Err): void {
    if (retryAfterMs !== undefined || code === 'unavailable' || code === 'rate_limited') {
      update.state = 'queued';
      retryMs = Math.max(retryMs ?? 0, retryAfterMs ?? RETRY_MS);
      return;
    }
    // It builds on one that is to be sent again.
    if (code === 'update_gap' && retryMs !== null) {
      update.state = 'queued';
      return;
    }
    remove(update);
    owed++;
    switch (code) {
      case 'forbidden':
        events.forbidden(m);
        return;
      case 'not_subscribed':
        return;
      case 'update_gap':
      case 'update_invalid':
        refusals++;
        voidAll();
        if (refusals >= MAX_REFUSALS) events.failed(code, m);
        else events.askAnew();
        return;
      default:
        events.failed(code, m);
    }
  }

  /** What was refused for now is sent again once everything behind it is answered: their order must stay. */
  function retrySoon(): void {
    if (timer !== null || retryMs === null || updates.some(({ state }) => state === 'sent')) return;
    timer = clock.setTimer(retryMs, () => {
      timer = null;
      retryMs = null;
      pump();
    });
  }

  function voidAll(): void {
    for (const update of updates) update.state = 'void';
    owed += updates.length;
    updates = [];
    units = 0;
  }

  function remove(update: Update): void {
    const at = updates.indexOf(update);
    if (at < 0) return;
    updates.splice(at, 1);
    units -= update.data.length;
  }

  return {
    get bytes() {
      return units;
    },
    add(update, full) {
      const data = Buffer.from(update.buffer, update.byteOffset, update.length).toString('base64');
      updates.push({ data, full, state: 'queued' });
      units += data.length;
      pump();
    },
    open() {
      isOpen = true;
      pump();
    },
    hold() {
      isOpen = false;
    },
    forsake() {
      isOpen = false;
      voidAll();
    },
    stop() {
      isOpen = false;
      timer?.cancel();
      voidAll();
    },
  };
}

/** What stands around an update in its message, a channel's name of the longest included, in UTF-16 units. */
const ENVELOPE_UNITS = 700;
