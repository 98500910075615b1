import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { CarillonError } from '../carillon-error.ts';
import { errorOf } from '../channels/channel-shell.ts';
import type { BesidePart, Host } from '../channels/host.ts';
import { channelEventsOf } from '../core/channels/connection-events.ts';
import { createDocument } from '../core/document/document.ts';
import type { DocumentEffect, DocumentEvent } from '../core/document/document-events.ts';
import { guarded } from '../listeners.ts';
import { webSocketUrl } from '../options.ts';
import { quiet } from '../quiet.ts';
import { createTurnStores } from '../sync/turn-store.ts';
import { turnOf } from '../turn.ts';
import { type DocumentBox, openBox } from './document-box.ts';
import { createLineRequests, documentEventOf } from './line-requests.ts';
import { createNamedListeners } from './listeners-by-name.ts';
import { type People, SEEN_EVERY_MS, createPeople } from './people.ts';
import type { DocumentEvents, DocumentInfo, DocumentProviderOptions } from './provider-types.ts';
import { replicaOf } from './replica.ts';
import { rewriteClient } from './rewrite-client.ts';

/** How long changes are gathered before they are sent, ms: a key press is one, what a key press makes an editor do are several. */
const DEFAULT_DELAY_MS = 10;

/** Thirty times a second: what moves faster is not seen as such. */
const DEFAULT_AWARENESS_MS = 33;

/** UTF-16 units of base64 in one message: with what is around it well below 64 KiB ([MSG4]). */
const PART_UNITS = 40 * 1024;

/** One document of a client, for all providers of it. */
export type DocumentRoom = ReturnType<typeof createRoom>;

type Waiter = { readonly resolve: (value: unknown) => void; readonly reject: (error: CarillonError) => void };

/** @param onOver told when it is of no use any more: the document was destroyed, or the room closed */
export function createRoom(
  host: Host,
  channel: string,
  options: DocumentProviderOptions,
  onOver: () => void,
) {
  const { platform, beside, options: of } = host;
  const { report } = platform;
  /** Of what the server sent, in the events of the document. */
  const origin = { channel };
  let doc = options.doc ?? new Y.Doc();
  let awareness = options.awareness ?? new Awareness(doc);
  let ownsAwareness = options.awareness === undefined;
  let people: People = createPeople(awareness, origin, platform.wallMs);
  let clientId = doc.clientID;
  const replica = replicaOf(() => doc, origin, report);
  const machine = createDocument(
    {
      channel,
      delayMs: options.delayMs ?? DEFAULT_DELAY_MS,
      awarenessMs: options.awarenessMs ?? DEFAULT_AWARENESS_MS,
      partUnits: PART_UNITS,
    },
    replica,
  );
  const stores = createTurnStores(platform);
  const told = createNamedListeners<DocumentEvents>(report);
  const requests = createLineRequests(host, channel, dispatch);
  const events: DocumentEvent[] = [];
  const waiters = new Map<number, Waiter>();
  const savers = new Set<Waiter>();
  let busy = false;
  let over = false;
  let lastId = 0;
  let lastTicket = 0;
  let cancelAlarm = (): void => {};
  let cancelTouch: (() => void) | null = null;
  let onSynced: Waiter = { resolve: () => {}, reject: () => {} };
  const whenSynced = quiet(
    new Promise<void>((resolve, reject) => (onSynced = { resolve: () => resolve(), reject })),
  );
  let onLoaded = (): void => {};
  const whenLoaded = new Promise<void>((resolve) => (onLoaded = resolve));
  const box: DocumentBox | null =
    options.store === undefined
      ? null
      : openBox(
          options.store,
          JSON.stringify([webSocketUrl(of.url, platform.baseUrl), of.username, 'document', channel]),
          platform,
          () => Y.encodeStateAsUpdate(doc),
          () => ++lastId,
        );
  let info = readInfo();

  /** One event at a time: the app may change the document while it is being changed. */
  function dispatch(event: DocumentEvent): void {
    events.push(event);
    if (busy || over) return;
    busy = true;
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      for (const effect of machine.handle(next, turnOf(platform))) guarded(() => perform(effect), report);
      guarded(noteClientId, report);
    }
    busy = false;
  }

  function perform(effect: DocumentEffect): void {
    switch (effect.do) {
      case 'ask':
        return requests.ask(effect);
      case 'say':
        return requests.say(effect.text);
      case 'setAlarm':
        cancelAlarm();
        cancelAlarm = platform.setTimer(effect.delayMs, () => dispatch({ type: 'alarm' }));
        return;
      case 'clearAlarm':
        return cancelAlarm();
      case 'acknowledged':
        return box?.acknowledged(effect.ids);
      case 'applied':
        return box?.applied(effect.updates, effect.position);
      case 'people':
        people.take(effect.people, effect.all);
        return watchPeople();
      case 'rename':
        doc.clientID = newClientId();
        return;
      case 'rewrite':
        return rewrite();
      case 'resolve':
        waiters.get(effect.ticket)?.resolve(effect.value);
        waiters.delete(effect.ticket);
        return;
      case 'reject':
        waiters.get(effect.ticket)?.reject(errorOf(effect.refusal));
        waiters.delete(effect.ticket);
        return;
      case 'changed':
        return changed();
    }
  }

  function readInfo(): DocumentInfo {
    const { unsent, unsaved, refused, ...view } = machine.view();
    const saved = { unsent, unsaved, saved: unsent + unsaved === 0, refused, durable: box?.durable === true };
    return { ...view, saved };
  }

  function changed(): void {
    const before = info;
    const next = readInfo();
    if (JSON.stringify(next) === JSON.stringify(before)) return;
    info = next;
    const { status, saved } = info;
    if (status === 'live') onSynced.resolve(undefined);
    if (status === 'ended') {
      const error = endError();
      onSynced.reject(error);
      endSavers((waiter) => waiter.reject(error));
    } else if (saved.refused !== null) {
      const { code, detail } = saved.refused;
      endSavers((waiter) => waiter.reject(new CarillonError(code as 'forbidden', detail)));
    } else if (saved.saved) endSavers((waiter) => waiter.resolve(undefined));
    // Of a line that is gone for a moment nobody's cursor flickers: y-protocols forgets them where it does not come back.
    if (status === 'ended' || status === 'resting') people.clear();
    if (before.status !== status) watchPeople();
    told.tell('change', info);
    if (before.status !== status) {
      told.tell('status', { status: wordOf(status) });
      if ((before.status === 'live') !== (status === 'live')) told.tell('sync', status === 'live');
    }
    stores.changed();
  }

  function endError(): CarillonError {
    return new CarillonError((info.code ?? 'cancelled') as 'cancelled', info.detail);
  }

  function endSavers(end: (waiter: Waiter) => void): void {
    for (const waiter of [...savers]) {
      savers.delete(waiter);
      end(waiter);
    }
  }

  function onUpdate(update: Uint8Array, by: unknown): void {
    told.tell('update', update);
    if (by === origin) return;
    const own = { id: ++lastId, update };
    box?.keep(own);
    dispatch({ type: 'edited', own });
  }

  /** Yjs takes another client id where somebody else seems to have the same. */
  function noteClientId(): void {
    if (doc.clientID === clientId) return;
    clientId = doc.clientID;
    const state = awareness.getLocalState();
    if (ownsAwareness) {
      awareness.setLocalState(null);
      awareness.clientID = clientId;
      awareness.setLocalState(state);
    }
    events.push({ type: 'renamed' });
  }

  function onMoved({ added, updated, removed }: Record<'added' | 'updated' | 'removed', number[]>): void {
    const { clientID } = awareness;
    if (![added, updated, removed].some((clients) => clients.includes(clientID))) return;
    tellState();
  }

  function tellState(): void {
    const state = awareness.getLocalState();
    dispatch({ type: 'moved', state: state === null ? null : JSON.stringify(state) });
  }

  function watchPeople(): void {
    const watches = info.status === 'live' && people.size() > 0;
    if (watches === (cancelTouch !== null)) return;
    cancelTouch?.();
    cancelTouch = !watches
      ? null
      : platform.setTimer(SEEN_EVERY_MS, () => {
          cancelTouch = null;
          people.touch();
          watchPeople();
        });
  }

  function bind(): void {
    doc.on('update', onUpdate);
    doc.on('destroy', onDestroyed);
    awareness.on('change', onMoved);
    tellState();
  }

  function unbind(): void {
    doc.off('update', onUpdate);
    doc.off('destroy', onDestroyed);
    awareness.off('change', onMoved);
  }

  function onDestroyed(): void {
    void close();
  }

  const part: BesidePart = {
    written: () => box?.written() ?? Promise.resolve(),
    follow(event, state, effects) {
      for (const each of channelEventsOf(event, state, effects))
        if (each.type === 'forget') {
          // Nobody who logs in here later is to find it.
          box?.erase();
          dispatch(each);
        }
    },
    // The requests of this line are answered, or not, before the document hears of the line itself.
    behind(event, state, effects) {
      for (const each of channelEventsOf(event, state, effects)) {
        const told = documentEventOf(each, channel);
        if (told !== null)
          host.shell.inTurn(() => {
            dispatch(told);
            return undefined;
          });
      }
    },
  };

  async function open(): Promise<void> {
    const unsure = doc.store.clients.size > 0;
    if (box === null) return dispatch({ type: 'opened', position: null, own: [], unsure });
    const { updates, own, position } = await box.held;
    if (over) return;
    const fits = updates.length === 0 || replica.apply(updates);
    dispatch({ type: 'opened', position: fits ? position : null, own, unsure: unsure || !fits });
    changed();
  }

  async function close(): Promise<void> {
    if (over) return;
    dispatch({ type: 'follow', follows: false });
    unbind();
    over = true;
    onOver();
    cancelAlarm();
    cancelTouch?.();
    beside.delete(part);
    const error = new CarillonError('cancelled', 'closed');
    onSynced.reject(error);
    onLoaded();
    endSavers((waiter) => waiter.reject(error));
    for (const waiter of waiters.values()) waiter.reject(error);
    waiters.clear();
    people.clear();
    if (ownsAwareness) awareness.destroy();
    await box?.close();
  }

  /** Somebody else has the client id: what was made by it is made by another. */
  function rewrite(): void {
    const next = new Y.Doc(likeDoc());
    // Not by the present one of the new document: Yjs would take that for somebody else's.
    const update = rewriteClient(Y.encodeStateAsUpdate(doc), doc.clientID, newClientId());
    Y.applyUpdate(next, update, origin);
    const own = { id: ++lastId, update };
    replaceBy(next, { type: 'rewritten', own });
    box?.keep(own);
  }

  function newClientId(): number {
    return Math.floor(platform.random() * 2 ** 32);
  }

  function likeDoc(): ConstructorParameters<typeof Y.Doc>[0] {
    const { guid, gc } = doc;
    return { guid, gc, meta: doc.meta as unknown };
  }

  /** Another document takes the place of the one that is there. */
  function replaceBy(next: Y.Doc, event: DocumentEvent): void {
    const state = awareness.getLocalState();
    unbind();
    people.clear();
    if (ownsAwareness) awareness.destroy();
    doc = next;
    ({ clientID: clientId } = doc);
    awareness = new Awareness(doc);
    ownsAwareness = true;
    people = createPeople(awareness, origin, platform.wallMs);
    awareness.setLocalState(state);
    box?.erase();
    dispatch(event);
    bind();
    told.tell('reload', doc);
  }

  beside.add(part);
  bind();
  if (host.state().phase.name === 'live') dispatch({ type: 'live' });
  if (options.connect === false) dispatch({ type: 'follow', follows: false });
  open().then(onLoaded, report);

  return {
    channel,
    told,
    whenSynced,
    whenLoaded,
    store: stores.of<DocumentInfo>(info, () => info),
    doc: () => doc,
    awareness: () => awareness,
    info: () => info,
    userOf: (client: number) => people.userOf(client),
    follow: (follows: boolean) => dispatch({ type: 'follow', follows }),
    replace: () => replaceBy(new Y.Doc(likeDoc()), { type: 'discard' }),
    close,
    whenSaved: () =>
      quiet(
        new Promise<void>((resolve, reject) => {
          savers.add({ resolve: () => resolve(), reject });
          const { saved, status } = info;
          if (over) endSavers((waiter) => waiter.reject(new CarillonError('cancelled', 'closed')));
          else if (status === 'ended') endSavers((waiter) => waiter.reject(endError()));
          else if (saved.saved && saved.refused === null) endSavers((waiter) => waiter.resolve(undefined));
        }),
      ),
    /** Asks about versions. @param reads whether it may be asked again where the line drops */
    ask<T>(fields: Readonly<Record<string, unknown>>, reads: boolean): Promise<T> {
      return quiet(
        new Promise<T>((resolve, reject) => {
          if (over) return reject(new CarillonError('cancelled', 'closed'));
          const ticket = ++lastTicket;
          // What a ticket is settled with is what its question says.
          waiters.set(ticket, { resolve: resolve as (value: unknown) => void, reject });
          dispatch({ type: 'request', ticket, fields, reads });
        }),
      );
    },
  };
}

/** The words that editors' bindings know. */
function wordOf(status: DocumentInfo['status']): 'connected' | 'connecting' | 'disconnected' {
  if (status === 'live') return 'connected';
  return status === 'connecting' ? status : 'disconnected';
}
