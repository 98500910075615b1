import {
  type DurableRequest,
  type OutboxEffect,
  type OutboxEvent,
  type OutboxMessage,
  type OutboxSettings,
  createOutboxMachine,
  edited,
  newQueue,
} from '../src/core/index.ts';

/** What a server does with the next message of a tab. */
export type Fate = 'ok' | 'taken, then cut' | 'cut' | 'unavailable' | 'internal' | 'refused';

export type Asked = {
  readonly data: string;
  readonly lane: string;
  readonly tab: Tab;
  outcome: 'open' | 'confirmed' | 'rejected' | 'unknown' | 'cancelled';
};

type Handed = Extract<OutboxEffect, { do: 'hand' }>;
type Work = { readonly run: () => OutboxEvent | void };

export type Tab = {
  readonly machine: ReturnType<typeof createOutboxMachine>;
  alive: boolean;
  online: boolean;
  /** What it asked of the store, in order. */
  readonly work: Work[];
  readonly inbox: OutboxMessage[];
  /** What it sent and the server has not seen. */
  sent: Handed[];
  readonly tickets: Map<number, Asked>;
  readonly cancels: Map<number, string>;
};

const SETTINGS: OutboxSettings = {
  count: 1_000,
  bytes: 1e6,
  kept: 100,
  messageBytes: 65_536,
  sureMs: 29 * 24 * 3_600_000,
};

/**
 * Tabs that share a store, a lock and a server, each step of which is taken by whoever drives it: so that anything may happen
 * between any two. The server keeps lanes as [PUB7] says.
 */
export function createOutboxWorld(random: () => number, settings: Partial<OutboxSettings> = {}) {
  const texts = new Map<number, string>();
  const tabs: Tab[] = [];
  const asked: Asked[] = [];
  const marks = new Map<string, number>();
  /** What the server took, by lane. */
  const logs = new Map<string, string[]>();
  const refusedFor = new Set<string>();
  const cancelled = new Set<string>();
  /** Sent on lines that are gone, and still on their way. */
  const ghosts: Handed[] = [];
  let lastNumber = 0;
  /** Who has the lock; each time that it is given is another. */
  let holder: { readonly tab: Tab } | null = null;
  let nowMs = 1_000;
  let tickets = 0;

  function openTab(): Tab {
    const tab: Tab = {
      machine: createOutboxMachine({ ...SETTINGS, ...settings }),
      alive: true,
      online: false,
      work: [],
      inbox: [],
      sent: [],
      tickets: new Map(),
      cancels: new Map(),
    };
    tabs.push(tab);
    dispatch(tab, { type: 'open' });
    return tab;
  }

  function dispatch(tab: Tab, event: OutboxEvent): void {
    const turn = { nowMs, wallMs: 1_763_715_600_000 + nowMs, random: random() };
    for (const effect of tab.machine.handle(event, turn)) perform(tab, effect);
  }

  function perform(tab: Tab, effect: OutboxEffect): void {
    const inStore = (run: Work['run']): void => void tab.work.push({ run });
    switch (effect.do) {
      case 'insert':
        return inStore(() => {
          texts.set(++lastNumber, effect.text);
          return { type: 'inserted', ticket: effect.ticket, number: lastNumber };
        });
      case 'look':
        return inStore(() => {
          if (!texts.has(0)) texts.set(0, newQueue(random(), nowMs));
          const records = new Map([...texts].filter(([number]) => number > 0));
          return { type: 'loaded', queue: texts.get(0)!, records };
        });
      case 'setQueue':
        return inStore(() => void texts.set(0, effect.queue));
      case 'erase':
        return inStore(() => texts.clear());
      case 'mark':
      case 'save':
      case 'remove':
      case 'drop':
        return inStore(() => {
          const { number } = effect;
          const before = texts.get(number);
          const after = edited(effect, before);
          if (after === undefined) texts.delete(number);
          else texts.set(number, after);
          if (effect.do === 'mark') return { type: 'marked', number, text: after ?? null };
          if (effect.do === 'save') return { type: 'saved', number };
          if (effect.do !== 'drop') return undefined;
          const gone = before !== undefined && after === undefined;
          return { type: 'dropped', ticket: effect.ticket, number, gone };
        });
      case 'tell':
        return inStore(() => {
          for (const other of tabs) if (other !== tab && other.alive) other.inbox.push(effect.message);
        });
      case 'hand':
        if (tab.online) tab.sent.push(effect);
        return;
      case 'resolve':
      case 'reject':
        return settle(tab, effect);
      case 'changed':
      case 'setAlarm':
      case 'clearAlarm':
        return;
    }
  }

  function settle(tab: Tab, effect: Extract<OutboxEffect, { do: 'resolve' | 'reject' }>): void {
    const data = tab.cancels.get(effect.ticket);
    if (data !== undefined) {
      if (effect.do === 'resolve' && effect.value === true) cancelled.add(data);
      return;
    }
    const entry = tab.tickets.get(effect.ticket);
    if (entry === undefined || entry.outcome !== 'open') throw new Error(`settled twice: ${entry?.data}`);
    if (effect.do === 'resolve') entry.outcome = 'confirmed';
    else if (effect.refusal.code === 'cancelled') entry.outcome = 'cancelled';
    else entry.outcome = effect.refusal.unknown ? 'unknown' : 'rejected';
  }

  function add(tab: Tab, lane: string): void {
    const data = JSON.stringify(`${asked.length}`);
    const ticket = ++tickets;
    const entry: Asked = { data, lane, tab, outcome: 'open' };
    asked.push(entry);
    tab.tickets.set(ticket, entry);
    const request: DurableRequest =
      lane === '' ? { name: 'f', input: data, timeoutMs: 1_000 } : { channel: lane, data };
    dispatch(tab, { type: 'add', ticket, request });
  }

  /** The next thing that a tab asked of the store is done; with `dies` the tab never hears of it. */
  function store(tab: Tab): void {
    const event = tab.work.shift()?.run();
    if (event !== undefined) dispatch(tab, event);
  }

  function hear(tab: Tab): void {
    const message = tab.inbox.shift();
    if (message !== undefined) dispatch(tab, { type: 'heard', message });
  }

  function lock(): void {
    const next = tabs.filter((tab) => tab.alive && tab.online);
    if (holder !== null || next.length === 0) return;
    holder = { tab: next[Math.floor(random() * next.length)]! };
    dispatch(holder.tab, { type: 'lead', alone: true });
  }

  function goOffline(tab: Tab): void {
    if (!tab.online) return;
    tab.online = false;
    ghosts.push(...tab.sent);
    tab.sent = [];
    if (!tab.alive) return;
    dispatch(tab, { type: 'rest' });
    // The lock is given up behind what is still to be written.
    const held = holder;
    if (held?.tab === tab) tab.work.push({ run: () => void (holder = holder === held ? null : holder) });
  }

  function crash(tab: Tab): void {
    tab.alive = false;
    goOffline(tab);
    if (holder?.tab === tab) holder = null;
    tab.work.length = 0;
    tab.inbox.length = 0;
  }

  function laneOf({ request }: Handed): string {
    return 'channel' in request ? request.channel : '';
  }

  function payloadOf({ request }: Handed): string {
    return ('channel' in request ? request.data : request.input) ?? '';
  }

  /** @returns whether the server had it already */
  function takeAtServer(handed: Handed): boolean {
    const lane = laneOf(handed);
    const log = logs.get(lane) ?? [];
    logs.set(lane, log);
    if (lane !== '') {
      const name = `${handed.queue} ${lane}`;
      if (handed.number <= (marks.get(name) ?? 0)) return true;
      marks.set(name, handed.number);
    }
    log.push(payloadOf(handed));
    return false;
  }

  function serve(tab: Tab, fate: Fate): void {
    const handed = tab.sent.shift();
    if (handed === undefined) return;
    const { hand, queue, number } = handed;
    const lane = laneOf(handed);
    const known = lane !== '' && number <= (marks.get(`${queue} ${lane}`) ?? 0);
    switch (fate) {
      case 'ok':
      case 'taken, then cut': {
        const duplicate = takeAtServer(handed);
        if (fate !== 'ok') return goOffline(tab);
        return dispatch(tab, {
          type: 'answered',
          hand,
          value: lane === '' ? 1 : { position: null, duplicate, outdated: false },
        });
      }
      case 'cut':
        return goOffline(tab);
      case 'refused':
        // What was taken is looked at before anything else.
        if (known || (lane === '' && logs.get('')?.includes(payloadOf(handed)))) return serveAgain();
        refusedFor.add(payloadOf(handed));
        return dispatch(tab, {
          type: 'refused',
          hand,
          refusal: { code: 'forbidden', detail: '', unknown: false },
        });
      case 'internal':
        if (random() < 0.5) takeAtServer(handed);
        return dispatch(tab, {
          type: 'refused',
          hand,
          refusal: { code: 'internal', detail: '', unknown: true },
        });
      case 'unavailable':
        return dispatch(tab, {
          type: 'refused',
          hand,
          refusal: { code: 'unavailable', detail: '', unknown: false, retryAfterMs: 100 },
        });
    }
    function serveAgain(): void {
      tab.sent.unshift(handed!);
      serve(tab, 'ok');
    }
  }

  /** One that was sent on a line that is gone arrives after all, or never does. */
  function ghost(arrives: boolean): void {
    const handed = ghosts.shift();
    if (handed !== undefined && arrives && !refusedFor.has(payloadOf(handed))) takeAtServer(handed);
  }

  function wait(ms: number): void {
    nowMs += ms;
    for (const tab of tabs) if (tab.alive) dispatch(tab, { type: 'alarm' });
  }

  /** Everything goes well until nothing is left to do. */
  function drain(): void {
    while (ghosts.length > 0) ghost(true);
    for (const tab of tabs) if (tab.alive) tab.online = true;
    for (let round = 0; round < 2_000; round++) {
      lock();
      for (const tab of tabs) {
        while (tab.work.length > 0) store(tab);
        while (tab.inbox.length > 0) hear(tab);
        while (tab.sent.length > 0) serve(tab, 'ok');
      }
      const isIdle = tabs.every((tab) => tab.work.length + tab.inbox.length + tab.sent.length === 0);
      const isEmpty = [...texts].every(([number, text]) => number === 0 || text.includes('"end"'));
      if (isIdle && isEmpty && holder !== null) return;
      if (isIdle) wait(1_000);
    }
    throw new Error(`never ends: ${JSON.stringify([...texts])}`);
  }

  return {
    texts,
    tabs,
    asked,
    logs,
    refusedFor,
    cancelled,
    ghosts,
    openTab,
    dispatch,
    add,
    store,
    hear,
    lock,
    goOnline(tab: Tab): void {
      if (tab.alive) tab.online = true;
    },
    goOffline,
    crash,
    serve,
    ghost,
    wait,
    drain,
    cancel(tab: Tab, number: number, data: string): void {
      const ticket = ++tickets;
      tab.cancels.set(ticket, data);
      dispatch(tab, { type: 'cancel', ticket, number });
    },
  };
}
