import { CarillonError } from '../carillon-error.ts';
import { errorOf } from '../channels/channel-shell.ts';
import { channelEventsOf } from '../core/channels/connection-events.ts';
import type {
  DurableCall,
  DurablePublication,
  DurableRequest,
  OutboxEffect,
  OutboxEvent,
  OutboxItem,
  OutboxMessage,
  StoreEdit,
} from '../core/outbox/outbox-events.ts';
import { createOutboxMachine } from '../core/outbox/outbox.ts';
import type { OutboxSettings } from '../core/outbox/queue.ts';
import { edited, newQueue } from '../core/outbox/stored-entry.ts';
import { createListeners, guarded } from '../listeners.ts';
import { webSocketUrl } from '../options.ts';
import { quiet, rejected } from '../quiet.ts';
import { turnOf } from '../turn.ts';
import { memoryStore } from './memory-store.ts';
import { feedOn, refusalIn } from './outbox-feed.ts';
import type { OutboxEntry, OutboxHost, OutboxPart } from './outbox-part.ts';
import type { OutboxBox, OutboxStore } from './outbox-store.ts';
import { createStoreAdds } from './store-adds.ts';

/** How long to wait before a store that could not be read is read again, ms. */
const LOOK_AGAIN_MS = 5_000;

/** A store that hangs is not waited for any longer than a server that does, ms. */
const WRITTEN_TIMEOUT_MS = 5_000;

export type OutboxShellParts = {
  readonly host: OutboxHost;
  readonly store: OutboxStore;
  readonly settings: OutboxSettings;
  /** Whether publications that do not say are put into the outbox. */
  readonly publications: boolean;
};

type Waiter = { readonly resolve: (value: unknown) => void; readonly reject: (error: CarillonError) => void };

/** Carries out what the core of the outbox decides: on a store, and on the line of a client. */
export function createOutboxShell({ host, store, settings, publications }: OutboxShellParts): OutboxPart {
  const { platform } = host;
  const { report } = platform;
  const { url, username } = host.options;
  /** One user at one server. */
  const name = JSON.stringify([webSocketUrl(url, platform.baseUrl), username]);
  const machine = createOutboxMachine(settings);
  const events: OutboxEvent[] = [];
  const feed = feedOn(host.ask);
  const listeners = createListeners<readonly OutboxEntry[]>(report);
  const waiters = new Map<number, Waiter>();
  let lastTicket = 0;
  let closing: Promise<void> | null = null;
  let durable = false;
  let busy = false;
  let endAlarm = (): void => {};
  let cancelLook = (): void => {};
  let entries: readonly OutboxEntry[] | null = null;
  /** What is done with the store, one behind the other. */
  let work: Promise<unknown> = Promise.resolve();
  let box: Promise<OutboxBox> | null = null;
  const adds = createStoreAdds<number>(
    inStore,
    (ticket, number) => dispatch({ type: 'inserted', ticket, number }),
    (ticket, detail) => dispatch({ type: 'insertFailed', ticket, detail }),
  );
  let endListening = (): void => {};
  let stopLeading: (() => void) | null = null;
  let onReady = (): void => {};
  const ready = new Promise<void>((resolve) => (onReady = resolve));

  function dispatch(event: OutboxEvent): void {
    events.push(event);
    if (busy || closing !== null) return;
    busy = true;
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      for (const effect of machine.handle(next, turnOf(platform))) guarded(() => perform(effect), report);
    }
    busy = false;
  }

  function perform(effect: OutboxEffect): void {
    switch (effect.do) {
      case 'insert':
        return adds.add(effect.ticket, effect.text);
      case 'mark':
      case 'save':
      case 'remove':
      case 'drop':
        return edit(effect);
      case 'look':
        return inStore(look);
      case 'setQueue':
        return inStore((texts) => texts.edit(0, () => effect.queue));
      case 'erase':
        // Once more where it failed: browsers lose a store now and then, and find it again.
        return inStore((texts) => texts.erase().catch(() => texts.erase()));
      case 'hand':
        feed.send(effect.request, effect.queue, effect.number).then(
          (value) => dispatch({ type: 'answered', hand: effect.hand, value }),
          (error: unknown) => dispatch({ type: 'refused', hand: effect.hand, refusal: refusalIn(error) }),
        );
        return;
      case 'tell':
        // Others are told of what is in the store already.
        return inStore(async (texts) => texts.sharing?.post(effect.message));
      case 'resolve':
        take(effect.ticket)?.resolve(effect.value);
        return;
      case 'reject':
        take(effect.ticket)?.reject(errorOf(effect.refusal));
        return;
      case 'changed':
        entries = null;
        return listeners.tell(effect.items.map(entryOf));
      case 'setAlarm':
        endAlarm();
        endAlarm = platform.setTimer(effect.delayMs, () => dispatch({ type: 'alarm' }));
        return;
      case 'clearAlarm':
        return endAlarm();
    }
  }

  function inStore(run: (texts: OutboxBox) => Promise<void>): void {
    adds.cut();
    box ??= openBox();
    const opening = box;
    work = work
      .then(() => opening)
      .then(run)
      .catch(report);
  }

  async function openBox(): Promise<OutboxBox> {
    const opened = await store.open(name).catch(() => memoryStore().open(name));
    if (closing === null && opened.sharing !== undefined)
      endListening = opened.sharing.listen((message) => {
        if (typeof message === 'object' && message !== null)
          dispatch({ type: 'heard', message: message as OutboxMessage });
      });
    durable = opened.durable;
    listeners.tell([]);
    return opened;
  }

  function edit(effect: StoreEdit): void {
    const { number } = effect;
    inStore(async (texts) => {
      let before: string | undefined;
      let after: string | undefined;
      let failed = false;
      try {
        await texts.edit(number, (now) => {
          before = now;
          return (after = edited(effect, now));
        });
      } catch (error) {
        failed = true;
        report(error);
      }
      if (effect.do === 'mark')
        dispatch({ type: 'marked', number, text: failed ? undefined : (after ?? null) });
      else if (effect.do === 'save') dispatch({ type: 'saved', number });
      else if (effect.do === 'drop') {
        const gone = !failed && before !== undefined && after === undefined;
        dispatch({ type: 'dropped', number, ticket: effect.ticket, gone });
      }
    });
  }

  async function look(texts: OutboxBox): Promise<void> {
    try {
      const records = new Map(await texts.all());
      let queue = records.get(0) ?? '';
      if (queue === '')
        await texts.edit(0, (now) => (queue = now ?? newQueue(platform.random(), platform.wallMs())));
      records.delete(0);
      dispatch({ type: 'loaded', queue, records });
      onReady();
    } catch (error) {
      report(error);
      if (closing === null) cancelLook = platform.setTimer(LOOK_AGAIN_MS, () => inStore(look));
    }
  }

  function lead(): void {
    let over = false;
    let giveUp = (): void => {};
    stopLeading = () => {
      over = true;
      // Behind what it has to write: the next one that sends must find it.
      inStore(async () => giveUp());
      dispatch({ type: 'rest' });
    };
    const led = (alone: boolean): void => {
      if (!over) dispatch({ type: 'lead', alone });
    };
    inStore(async ({ sharing }) => {
      if (over) return;
      if (sharing === undefined) led(true);
      else giveUp = sharing.lead(led);
    });
  }

  function rest(): void {
    stopLeading?.();
    stopLeading = null;
  }

  function take(ticket: number): Waiter | undefined {
    const waiter = waiters.get(ticket);
    waiters.delete(ticket);
    return waiter;
  }

  function ask<T>(make: (ticket: number) => OutboxEvent): Promise<T> {
    if (closing !== null) return rejected(new CarillonError('cancelled', 'outbox'));
    const ticket = ++lastTicket;
    const settled = new Promise<T>((resolve, reject) => {
      // What a ticket is settled with is what its event says.
      waiters.set(ticket, { resolve: resolve as (value: unknown) => void, reject });
    });
    dispatch(make(ticket));
    return quiet(settled);
  }

  const add = <T>(request: DurableRequest): Promise<T> => ask((ticket) => ({ type: 'add', ticket, request }));

  async function close(): Promise<void> {
    rest();
    endAlarm();
    cancelLook();
    endListening();
    // At once: what is asked for behind it comes too late.
    const before = work;
    try {
      await before;
      await (await box)?.close();
    } catch (error) {
      report(error);
    }
  }

  dispatch({ type: 'open' });
  return {
    outbox: {
      get durable() {
        return durable;
      },
      ready,
      get waiting() {
        return machine.items().filter(({ refusal }) => refusal === null).length;
      },
      entries: () => (entries ??= machine.items().map(entryOf)),
      cancel: ({ number }) => ask((ticket) => ({ type: 'cancel', ticket, number })),
      dismiss: ({ number }) => dispatch({ type: 'dismiss', number }),
      onChange: (listener) => listeners.add(listener),
      close: () => (closing ??= close()),
    },
    publish(request, text) {
      const { durable: wanted = publications, signal, id, ...more } = request;
      if (!wanted || signal) return null;
      if (id === undefined) return add({ ...more, data: text });
      return rejected(new CarillonError('options_invalid', 'id'));
    },
    call: (call) => add(call),
    written: () =>
      new Promise((resolve) => {
        const cancel = platform.setTimer(WRITTEN_TIMEOUT_MS, resolve);
        void work.then(() => {
          cancel();
          resolve();
        });
      }),
    follow(cause, state, effects) {
      // It sends no more, and must not keep those from it that could.
      if (closing !== null) return;
      for (const event of channelEventsOf(cause, state, effects)) {
        if (event.type === 'live') {
          rest();
          lead();
        } else if (event.type === 'down') rest();
        else if (event.type === 'forget') dispatch(event);
      }
    },
  };
}

function entryOf({ request, refusal, ...more }: OutboxItem): OutboxEntry {
  // A publication has the one half of these, a call the other.
  const {
    channel = null,
    key = null,
    data,
    name: call = null,
    input,
  } = request as Partial<DurablePublication & DurableCall>;
  const text = data ?? input ?? null;
  return {
    ...more,
    channel,
    key,
    call,
    data: text === null ? undefined : (JSON.parse(text) as unknown),
    error: refusal && errorOf(refusal),
  };
}
