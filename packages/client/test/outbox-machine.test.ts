import { describe, expect, it } from 'vitest';
import type { OutboxEffect, OutboxEvent, OutboxSettings } from '../src/core/index.ts';
import { createOutboxMachine, edited, newQueue } from '../src/core/index.ts';

const DAY_MS = 24 * 3_600_000;
const CONFIRMED = { position: { epoch: 'e', offset: 1 }, duplicate: false, outdated: false };
const DUPLICATE = { ...CONFIRMED, duplicate: true };

/** An outbox on a store that does at once what it is told, alone with it. */
function drive(options: Partial<OutboxSettings> = {}, texts = new Map<number, string>()) {
  const machine = createOutboxMachine({
    count: 10,
    bytes: 10_000,
    kept: 3,
    messageBytes: 1_000,
    sureMs: 29 * DAY_MS,
    ...options,
  });
  const told: OutboxEffect[] = [];
  let handed: Extract<OutboxEffect, { do: 'hand' }>[] = [];
  let nowMs = 0;
  let alarmAtMs: number | null = null;
  let ticket = 0;
  let last = Math.max(0, ...texts.keys());
  let refusesInserts = false;
  /** Happens once, right behind a look. */
  let onLook: (() => void) | null = null;

  function dispatch(event: OutboxEvent): void {
    for (const effect of machine.handle(event, { nowMs, wallMs: 1e12 + nowMs, random: 0.5 })) perform(effect);
  }

  function perform(effect: OutboxEffect): void {
    switch (effect.do) {
      case 'insert':
        if (refusesInserts)
          return dispatch({ type: 'insertFailed', ticket: effect.ticket, detail: 'QuotaExceededError' });
        texts.set(++last, effect.text);
        return dispatch({ type: 'inserted', ticket: effect.ticket, number: last });
      case 'look': {
        texts.set(0, texts.get(0) ?? newQueue(0.5, 36));
        const records = new Map([...texts].filter(([number]) => number > 0));
        onLook?.();
        onLook = null;
        return dispatch({ type: 'loaded', queue: texts.get(0)!, records });
      }
      case 'setQueue':
        return void texts.set(0, effect.queue);
      case 'erase':
        return texts.clear();
      case 'mark':
      case 'save':
      case 'remove':
      case 'drop': {
        const before = texts.get(effect.number);
        const after = edited(effect, before);
        if (after === undefined) texts.delete(effect.number);
        else texts.set(effect.number, after);
        if (effect.do === 'mark') dispatch({ type: 'marked', number: effect.number, text: after ?? null });
        if (effect.do === 'save') dispatch({ type: 'saved', number: effect.number });
        if (effect.do === 'drop')
          dispatch({
            type: 'dropped',
            ticket: effect.ticket,
            number: effect.number,
            gone: after === undefined,
          });
        return;
      }
      case 'hand':
        return void handed.push(effect);
      case 'setAlarm':
        alarmAtMs = nowMs + effect.delayMs;
        return;
      case 'clearAlarm':
        alarmAtMs = null;
        return;
      default:
        told.push(effect);
    }
  }

  const outbox = {
    machine,
    texts,
    dispatch,
    get alarmAtMs() {
      return alarmAtMs;
    },
    set onLook(happens: () => void) {
      onLook = happens;
    },
    set refusesInserts(refuses: boolean) {
      refusesInserts = refuses;
    },
    lead: (alone = true) => dispatch({ type: 'lead', alone }),
    add(data: string, channel: string | null = 'chat:x'): number {
      const request = channel === null ? { name: 'f', input: data, timeoutMs: 1_000 } : { channel, data };
      dispatch({ type: 'add', ticket: ++ticket, request });
      return ticket;
    },
    cancel(number: number): number {
      dispatch({ type: 'cancel', ticket: ++ticket, number });
      return ticket;
    },
    /** The browser forgets the store, and its numbers with it. */
    clear(): void {
      texts.clear();
      last = 0;
    },
    takeHanded(): Pick<Extract<OutboxEffect, { do: 'hand' }>, 'number' | 'hand' | 'queue' | 'request'>[] {
      const taken = handed;
      handed = [];
      return taken.map(({ number, hand, queue, request }) => ({ number, hand, queue, request }));
    },
    answer: (hand: number, value: unknown = CONFIRMED) => dispatch({ type: 'answered', hand, value }),
    refuse: (hand: number, code: 'forbidden' | 'unavailable' | 'internal' | 'line_lost', more: object = {}) =>
      dispatch({
        type: 'refused',
        hand,
        refusal: { code, detail: '', unknown: code === 'internal', ...more },
      }),
    advance(ms: number): void {
      nowMs += ms;
      if (alarmAtMs === null || alarmAtMs > nowMs) return;
      alarmAtMs = null;
      dispatch({ type: 'alarm' });
    },
    outcome(of: number): unknown {
      const effect = told.find(
        (each) => (each.do === 'resolve' || each.do === 'reject') && each.ticket === of,
      );
      if (effect?.do === 'resolve') return effect.value;
      return effect?.do === 'reject' ? effect.refusal.code : undefined;
    },
    states: () => machine.items().map(({ number, state }) => `${number} ${state}`),
  };
  dispatch({ type: 'open' });
  return outbox;
}

/** The next life of the page: nothing but the store is left. */
function reload(
  outbox: ReturnType<typeof drive>,
  options: Partial<OutboxSettings> = {},
): ReturnType<typeof drive> {
  return drive(options, outbox.texts);
}

describe('an outbox', () => {
  it('[PUB7] sends each lane in its order, one at a time, and lanes beside each other', () => {
    const outbox = drive();
    outbox.add('1');
    outbox.add('2');
    outbox.add('3', 'chat:y');
    outbox.add('4', null);
    expect(outbox.takeHanded()).toEqual([]);
    outbox.lead();
    const handed = outbox.takeHanded();
    expect(handed.map(({ number }) => number)).toEqual([1, 3, 4]);
    outbox.answer(handed[0]!.hand);
    expect(outbox.takeHanded()).toMatchObject([{ number: 2 }]);
    expect(outbox.states()).toEqual(['2 sent', '3 sent', '4 sent']);
  });

  it('holds in the store that an entry is being sent before it is sent', () => {
    const outbox = drive();
    outbox.add('1');
    expect(outbox.texts.get(1)).not.toContain('"first"');
    outbox.lead();
    expect(outbox.texts.get(1)).toContain('"first":1000000000000');
    outbox.answer(outbox.takeHanded()[0]!.hand);
    // What goes out at once is written once.
    outbox.add('2');
    expect(outbox.texts.get(2)).toContain('"first":1000000000000');
    expect(outbox.takeHanded()).toMatchObject([{ number: 2 }]);
  });

  it('[PUB7] sends again under the same number after a reload, and takes `dup` for what it is', () => {
    const outbox = drive();
    const ticket = outbox.add('1');
    outbox.lead();
    const [before] = outbox.takeHanded();
    const next = reload(outbox);
    expect(next.states()).toEqual(['1 sent']);
    next.lead();
    const [after] = next.takeHanded();
    expect(after).toMatchObject({ number: before!.number, queue: before!.queue });
    next.answer(after!.hand, DUPLICATE);
    expect(next.states()).toEqual([]);
    expect([...next.texts.keys()]).toEqual([0]);
    expect(outbox.outcome(ticket)).toBeUndefined();
  });

  it('a refusal is kept until it is dismissed, over a reload, and holds up nobody', () => {
    const outbox = drive();
    outbox.lead();
    const ticket = outbox.add('1');
    outbox.add('2');
    outbox.refuse(outbox.takeHanded()[0]!.hand, 'forbidden');
    expect(outbox.outcome(ticket)).toBe('forbidden');
    expect(outbox.takeHanded()).toMatchObject([{ number: 2 }]);
    const next = reload(outbox);
    expect(next.machine.items()[0]).toMatchObject({ state: 'rejected', refusal: { code: 'forbidden' } });
    next.lead();
    expect(next.takeHanded()).toMatchObject([{ number: 2 }]);
    next.dispatch({ type: 'dismiss', number: 2 });
    next.dispatch({ type: 'dismiss', number: 1 });
    expect(next.states(), 'what waits cannot be dismissed').toEqual(['2 sent']);
  });

  it('a refusal is in the store before anybody hears of it, and before the next of its lane is sent; a confirmation is told before the entry is taken out', () => {
    const machine = createOutboxMachine({
      count: 10,
      bytes: 1e4,
      kept: 3,
      messageBytes: 100,
      sureMs: DAY_MS,
    });
    const turn = { nowMs: 0, wallMs: 5, random: 0 };
    const records = new Map(
      [1, 2, 3].map((number) => [
        number,
        '{"v":1,"what":{"channel":"c","data":"1"},"at":1,"first":2,"q":"q"}',
      ]),
    );
    machine.handle({ type: 'lead', alone: true }, turn);
    const [hand] = machine.handle({ type: 'loaded', queue: 'q', records }, turn);
    const inStore = (event: OutboxEvent): string[] =>
      machine
        .handle(event, turn)
        .flatMap(({ do: what }) => (/save|tell|remove|hand/.test(what) ? [what] : []));
    expect(hand).toMatchObject({ do: 'hand', hand: 1, number: 1 });
    const refusal = { code: 'forbidden', detail: '', unknown: false } as const;
    expect(inStore({ type: 'refused', hand: 1, refusal })).toEqual(['save']);
    expect(machine.items()[0]).toMatchObject({ number: 1, state: 'sent' });
    // Neither a line that comes and goes nor an answer that comes twice changes that.
    expect(inStore({ type: 'refused', hand: 1, refusal })).toEqual([]);
    inStore({ type: 'rest' });
    inStore({ type: 'lead', alone: true });
    expect(inStore({ type: 'loaded', queue: 'q', records })).toEqual([]);
    expect(inStore({ type: 'saved', number: 1 })).toEqual(['tell', 'hand']);
    expect(machine.items()[0]).toMatchObject({ number: 1, state: 'rejected' });
    expect(inStore({ type: 'answered', hand: 2, value: CONFIRMED })).toEqual(['tell', 'remove', 'hand']);
  });

  it('of what was rejected the oldest are forgotten beyond `kept`', () => {
    const outbox = drive({ kept: 2 });
    outbox.lead();
    for (const data of ['1', '2', '3']) {
      outbox.add(data);
      outbox.refuse(outbox.takeHanded()[0]!.hand, 'forbidden');
    }
    expect(outbox.states()).toEqual(['2 rejected', '3 rejected']);
    expect([...outbox.texts.keys()].toSorted((a, b) => a - b)).toEqual([0, 2, 3]);
  });

  it('what the server cannot do now waits as long as it says, and then goes first', () => {
    const outbox = drive();
    outbox.lead();
    outbox.add('1');
    outbox.add('2');
    outbox.refuse(outbox.takeHanded()[0]!.hand, 'unavailable', { retryAfterMs: 5_000 });
    outbox.advance(4_999);
    expect(outbox.takeHanded()).toEqual([]);
    outbox.advance(1_002);
    expect(outbox.takeHanded()).toMatchObject([{ number: 1 }]);
  });

  it('an answer that says nothing is asked for again five times, then the outcome is unknown, and said so', () => {
    const outbox = drive();
    outbox.lead();
    const ticket = outbox.add('1', null);
    for (let n = 0; n < 5; n++) {
      expect(outbox.outcome(ticket)).toBeUndefined();
      outbox.refuse(outbox.takeHanded()[0]!.hand, 'internal');
      outbox.advance(60_000);
    }
    expect(outbox.outcome(ticket)).toBe('internal');
    expect(outbox.states()).toEqual(['1 unknown']);
  });

  it('a server that fails for half a minute costs nothing: the tries are that far apart', () => {
    const outbox = drive();
    outbox.lead();
    const ticket = outbox.add('1', null);
    for (let ms = 0; ms < 29_000; ms += 100) {
      for (const { hand } of outbox.takeHanded()) outbox.refuse(hand, 'internal');
      outbox.advance(100);
    }
    expect(outbox.outcome(ticket)).toBeUndefined();
    outbox.advance(30_000);
    outbox.answer(outbox.takeHanded()[0]!.hand, 7);
    expect(outbox.outcome(ticket)).toBe(7);
  });

  it.each([
    '{"v":1,"what":null,"at":1}',
    '{"v":1,"what":{},"at":1}',
    '{"v":1,"what":{"channel":7,"data":"1"},"at":1}',
    '{"v":1,"what":{"channel":"c","data":1},"at":1}',
    '{"v":1,"what":{"channel":"c","data":"{"},"at":1}',
    '{"v":1,"what":{"name":"f"},"at":1}',
    '{"v":1,"what":{"channel":"c","data":"1"}}',
    '{"v":2,"what":{"channel":"c","data":"1"},"at":1}',
    'null',
    '[',
  ])('what is no entry of this SDK holds up nothing, and is left where it is: %s', (text) => {
    const outbox = drive({}, new Map([[1, text]]));
    outbox.lead();
    outbox.add('2', 'c');
    expect(outbox.takeHanded()).toMatchObject([{ number: 2 }]);
    expect(outbox.states()).toEqual(['2 sent']);
    expect(outbox.texts.get(1)).toBe(text);
  });

  it('where the data of the site is cleared beneath it, what is added then is sent, and what was lost is said to be', () => {
    const outbox = drive();
    const lost = outbox.add('1');
    outbox.clear();
    const kept = outbox.add('2');
    outbox.lead();
    expect(outbox.outcome(lost)).toBe('outcome_unknown');
    const [handed] = outbox.takeHanded();
    expect(handed).toMatchObject({ number: 1, request: { data: '2' } });
    outbox.answer(handed!.hand);
    expect(outbox.outcome(kept)).toEqual(CONFIRMED);
    expect(outbox.states()).toEqual([]);
  });

  it('what another that sends too has ended meanwhile is not sent again', () => {
    const outbox = drive();
    const ticket = outbox.add('1');
    const refusal = '{"code":"forbidden","detail":"","unknown":false}';
    const ended = `"first":5,"q":"q","end":{"state":"rejected","refusal":${refusal}}}`;
    outbox.onLook = () => outbox.texts.set(1, outbox.texts.get(1)!.replace(/}$/, `,${ended}`));
    outbox.lead(false);
    expect(outbox.takeHanded()).toEqual([]);
    expect(outbox.states()).toEqual(['1 rejected']);
    expect(outbox.outcome(ticket)).toBe('forbidden');
  });

  it('[PUB7] what was sent first longer ago than the server remembers is not sent again: unknown', () => {
    const outbox = drive();
    outbox.lead();
    const ticket = outbox.add('1');
    outbox.add('2');
    outbox.dispatch({ type: 'rest' });
    outbox.takeHanded();
    outbox.advance(29 * DAY_MS);
    outbox.lead();
    expect(outbox.takeHanded(), 'at the edge').toMatchObject([{ number: 1 }]);
    outbox.dispatch({ type: 'rest' });
    outbox.advance(1);
    outbox.lead();
    expect(outbox.takeHanded(), 'what was never sent may be however old').toMatchObject([{ number: 2 }]);
    expect(outbox.outcome(ticket)).toBe('outcome_unknown');
    expect(outbox.states()).toEqual(['1 unknown', '2 sent']);
  });

  it('a number that the server has from nobody here shows a store that went back in time: unknown, and a new queue', () => {
    const texts = new Map([[0, 'old-queue']]);
    const outbox = drive({}, texts);
    outbox.lead();
    const ticket = outbox.add('1');
    const [sent] = outbox.takeHanded();
    outbox.answer(sent!.hand, DUPLICATE);
    expect(outbox.outcome(ticket)).toBe('outcome_unknown');
    expect(outbox.states()).toEqual(['1 unknown']);
    outbox.add('2');
    const [next] = outbox.takeHanded();
    expect([sent!.queue, next!.queue === sent!.queue]).toEqual(['old-queue', false]);
    expect(texts.get(0)).toBe(next!.queue);
  });

  it('where others may send too, `dup` shows nothing of the kind', () => {
    const outbox = drive();
    outbox.lead(false);
    const ticket = outbox.add('1');
    outbox.answer(outbox.takeHanded()[0]!.hand, DUPLICATE);
    expect(outbox.outcome(ticket)).toEqual(DUPLICATE);
  });

  it('is bounded in count and bytes, and takes more once some are sent', () => {
    const outbox = drive({ count: 2 });
    outbox.add('1');
    outbox.add('2');
    expect(outbox.outcome(outbox.add('3'))).toBe('queue_full');
    outbox.lead();
    outbox.answer(outbox.takeHanded()[0]!.hand);
    expect(outbox.outcome(outbox.add('4'))).toBeUndefined();
    const bytes = outbox.texts.get(2)!.length;
    const small = drive({ bytes: bytes - 1 });
    // Its own text has no mark yet, and is shorter by it.
    expect(small.outcome(small.add('1'))).toBeUndefined();
    expect(small.outcome(small.add('2'))).toBe('queue_full');
    const next = reload(small, { count: 1 });
    expect(next.outcome(next.add('5'))).toBe('queue_full');
  });

  it('refuses at once what the server would never take', () => {
    const outbox = drive({ messageBytes: 3 });
    expect(outbox.outcome(outbox.add('"a"'))).toBeUndefined();
    expect(outbox.outcome(outbox.add('"ä"'))).toBe('too_large');
  });

  it('a store that is full refuses one publication and loses nothing that was there', () => {
    const outbox = drive({ count: 2 });
    outbox.add('1');
    outbox.refusesInserts = true;
    expect(outbox.outcome(outbox.add('2'))).toBe('storage_failed');
    outbox.refusesInserts = false;
    expect(outbox.outcome(outbox.add('3')), 'it takes no room').toBeUndefined();
    expect(outbox.states()).toEqual(['1 queued', '2 queued']);
  });

  it('a store that cannot mark does not stop what it holds', () => {
    const outbox = drive();
    outbox.add('1');
    const { machine } = outbox;
    const turn = { nowMs: 0, wallMs: 5, random: 0 };
    machine.handle({ type: 'lead', alone: true }, turn);
    machine.handle({ type: 'loaded', queue: 'q', records: new Map([[1, outbox.texts.get(1)!]]) }, turn);
    const effects = machine.handle({ type: 'marked', number: 1, text: undefined }, turn);
    expect(effects).toContainEqual(expect.objectContaining({ do: 'hand', number: 1, queue: 'q' }));
  });

  it('takes back what was never sent, and says honestly what was', () => {
    const outbox = drive();
    const [first, second] = [outbox.add('1'), outbox.add('2')];
    expect(outbox.outcome(outbox.cancel(2))).toBe(true);
    expect(outbox.outcome(second)).toBe('cancelled');
    outbox.lead();
    expect(outbox.outcome(outbox.cancel(1))).toBe(false);
    expect(outbox.outcome(outbox.cancel(2))).toBe(false);
    outbox.answer(outbox.takeHanded()[0]!.hand);
    expect(outbox.outcome(first)).toEqual(CONFIRMED);
    expect(outbox.takeHanded()).toEqual([]);
  });

  it('what is forgotten is nowhere any more, and what comes behind is of another queue', () => {
    const outbox = drive();
    const ticket = outbox.add('1');
    outbox.lead();
    const [sent] = outbox.takeHanded();
    outbox.add('2');
    outbox.dispatch({ type: 'forget', code: 'logged_out' });
    expect(outbox.outcome(ticket)).toBe('logged_out');
    expect([...outbox.texts.keys()]).toEqual([0]);
    outbox.answer(sent!.hand);
    expect(outbox.states()).toEqual([]);
  });

  it('what a newer SDK left is neither sent nor removed, and what is no entry does no harm', () => {
    const texts = new Map([
      [1, '{"v":2,"what":{"channel":"chat:x","data":"1"},"at":1}'],
      [2, 'null'],
      [3, '{"v":1'],
    ]);
    const outbox = drive({}, texts);
    outbox.lead();
    outbox.add('4');
    expect(outbox.takeHanded()).toMatchObject([{ number: 4 }]);
    expect([...texts.keys()].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
  });

  it('leaves no alarm when it rests', () => {
    const outbox = drive();
    outbox.lead();
    outbox.add('1');
    outbox.refuse(outbox.takeHanded()[0]!.hand, 'unavailable', { retryAfterMs: 5_000 });
    expect(outbox.alarmAtMs).not.toBeNull();
    outbox.dispatch({ type: 'rest' });
    expect(outbox.alarmAtMs).toBeNull();
  });
});
