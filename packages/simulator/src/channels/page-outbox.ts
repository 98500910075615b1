import {
  type DurableRequest,
  type OutboxEffect,
  type OutboxEvent,
  type OutboxMachine,
  createOutboxMachine,
  edited,
  newQueue,
} from '@carillon/client/core';
import type { Random } from '../random.ts';
import { EPOCH_MS } from '../time/node-clock.ts';
import { type Owner, type Plan, type VirtualTime, createOwner } from '../time/virtual-time.ts';
import type { OutboxWatch } from './outbox-watch.ts';

type Handed = Extract<OutboxEffect, { do: 'hand' }>;
type Settled = Extract<OutboxEffect, { do: 'resolve' | 'reject' }>;

export type PageOutboxParts = {
  readonly name: string;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly watch: OutboxWatch;
  readonly page: () => Owner;
  /** Sends an entry on the channels; what comes of it is told by `dispatch`. */
  hand(handed: Handed): void;
  settled(effect: Settled): void;
};

/** A page's outbox, on a store that outlives it. */
export type PageOutbox = {
  /** Entries that the server has not answered for good. */
  readonly waiting: number;
  dispatch(event: OutboxEvent): void;
  add(ticket: number, request: DurableRequest): void;
  /** The page is gone; what its store was doing is done or not. */
  unload(): void;
};

const SETTINGS = { count: 500, bytes: 1e6, kept: 100, messageBytes: 64 * 1024, sureMs: 29 * 86_400_000 };

/** The SDK's outbox, driven as its contract says. */
export function createPageOutbox(parts: PageOutboxParts): PageOutbox {
  const { name, time, random, watch } = parts;
  const disk = createOwner(`store of ${name}`);
  const texts = new Map<number, string>();
  let work: (() => OutboxEvent | undefined)[] = [];
  let writing = false;
  let lastNumber = 0;
  let machine: OutboxMachine = createOutboxMachine(SETTINGS);
  let events: OutboxEvent[] = [];
  let busy = false;
  let alarm: Plan | null = null;

  function dispatch(event: OutboxEvent): void {
    events.push(event);
    if (busy) return;
    busy = true;
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      const nowMs = time.nowMs();
      const turn = { nowMs, wallMs: EPOCH_MS + nowMs, random: random.fraction() };
      for (const effect of machine.handle(next, turn)) perform(effect);
    }
    busy = false;
  }

  function inStore(run: () => OutboxEvent | undefined): void {
    work.push(run);
    writeNext();
  }

  /** One behind the other. A page that dies leaves what was begun to the store, and never hears of it. */
  function writeNext(): void {
    const [run] = work;
    if (writing || run === undefined) return;
    writing = true;
    const page = parts.page();
    time.plan(random.whole(0, 8), disk, () => {
      writing = false;
      work = work.filter((other) => other !== run);
      const event = run();
      if (page.alive && event !== undefined) time.plan(0, page, () => dispatch(event));
      writeNext();
    });
  }

  function perform(effect: OutboxEffect): void {
    switch (effect.do) {
      case 'insert':
        return inStore(() => {
          texts.set(++lastNumber, effect.text);
          watch.stored(name, lastNumber, effect.text);
          return { type: 'inserted', ticket: effect.ticket, number: lastNumber };
        });
      case 'look':
        return inStore(() => {
          const queue = texts.get(0) ?? newQueue(random.fraction(), EPOCH_MS + time.nowMs());
          texts.set(0, queue);
          return { type: 'loaded', queue, records: new Map([...texts].filter(([number]) => number > 0)) };
        });
      case 'setQueue':
        return inStore(() => void texts.set(0, effect.queue));
      case 'erase':
        watch.erased(name);
        return inStore(() => {
          texts.clear();
          watch.erased(name);
          return undefined;
        });
      case 'mark':
      case 'save':
      case 'remove':
      case 'drop':
        return inStore(() => {
          const { number } = effect;
          const after = edited(effect, texts.get(number));
          if (after === undefined) texts.delete(number);
          else texts.set(number, after);
          if (effect.do === 'save') return { type: 'saved', number };
          return effect.do === 'mark' ? { type: 'marked', number, text: after ?? null } : undefined;
        });
      case 'hand':
        return parts.hand(effect);
      case 'resolve':
      case 'reject':
        return parts.settled(effect);
      case 'changed':
        for (const { number, state } of effect.items) watch.changed(name, number, state);
        return;
      case 'setAlarm':
        alarm?.cancel();
        alarm = time.plan(effect.delayMs, parts.page(), () => {
          alarm = null;
          dispatch({ type: 'alarm' });
        });
        return;
      case 'clearAlarm':
        alarm?.cancel();
        alarm = null;
        return;
      case 'tell':
        // Nobody shares the store.
        return;
    }
  }

  dispatch({ type: 'open' });
  return {
    get waiting() {
      return machine.items().filter(({ refusal }) => refusal === null).length;
    },
    dispatch,
    add: (ticket, request) => dispatch({ type: 'add', ticket, request }),
    unload() {
      // What was not begun is lost with the page; the one that was is done.
      work = writing ? work.slice(0, 1) : [];
      events = [];
      alarm = null;
      machine = createOutboxMachine(SETTINGS);
      dispatch({ type: 'open' });
    },
  };
}
