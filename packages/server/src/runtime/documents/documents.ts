import { isAtLeast, type UpdateDocument } from '@carillon/protocol';
import type { ChannelSpec } from '../../core/channel/channel-spec.ts';
import type { DocumentEngine } from '../../ports/document-engine.ts';
import type { DocumentStore } from '../../ports/documents.ts';
import type { PublicationNotice } from '../../ports/broker.ts';
import { type NodeContext, sendControl, sendError } from '../context.ts';
import { type KeyedRate, createKeyedRate } from '../keyed-rate.ts';
import {
  type HubChannel,
  type LinkState,
  type LocalSession,
  type Subscription,
  isClosed,
} from '../link-state.ts';
import { logOf } from '../channels/log-of.ts';
import { documentStoreOf, engineOf } from './document-ports.ts';
import type { DocumentSizes } from './documents-api.ts';
import { createJoining, type JoinStart, type StateFrames } from './joining.ts';
import { createRoom } from './room.ts';
import type { Change, Room, TakeResult } from './room-face.ts';
import { createUploads } from './uploads.ts';

/** Copies that are remembered of a document because they brought nothing. */
const COPIES_KEPT = 32;

/** A tail that is worth a snapshot when nobody is in the document any more. */
const WORTH_UPDATES = 64;

/** What somebody who joins is sent, or why they are not let in. */
export type DocumentStart =
  | ({ readonly ok: true; readonly vector: string } & JoinStart)
  | {
      readonly ok: false;
      readonly code: 'too_large' | 'client_id_taken' | 'bad_message';
      readonly detail: string;
    };

/** The documents of this node. */
export type Documents = {
  sizes(): Omit<DocumentSizes, 'people'>;
  readonly timers: number;
  /** A channel was opened on this node. */
  roomOf(channel: HubChannel): Room;
  /** The node has no more to do with it. */
  closed(channel: HubChannel): void;
  delivered(channel: HubChannel, notice: PublicationNotice): void;
  /** Publications are gone that nobody can read any more, or all of them. */
  lost(channel: HubChannel): void;
  /** The messages of a state that is for one connection alone. */
  stateOf(channel: HubChannel, state: Uint8Array): StateFrames;
  /**
   * What a subscription begins with.
   *
   * @param vector what the client has, encoded as base64; undefined: nothing
   * @throws where a store does not answer
   */
  start(channel: HubChannel, vector: string | undefined): Promise<DocumentStart>;
  /** The state vector of what this node knows, as base64. Rejects where a store does not answer. */
  vectorOf(channel: HubChannel): Promise<string>;
  /** One of the client ids that somebody else has; undefined: the user may name them all. Rejects where a store does not answer. */
  takenOf(channel: HubChannel, user: string, names: readonly number[]): Promise<number | undefined>;
  /** A client's `upd`. */
  update(link: LinkState, session: LocalSession, message: UpdateDocument): void | Promise<void>;
  /** Takes a change for whoever the caller says: the server's side. */
  change(channel: HubChannel, change: Change): Promise<TakeResult>;
  /** A connection is gone. */
  gone(link: LinkState): void;
  stop(): void;
};

export function createDocuments(context: NodeContext): Documents {
  const { ports } = context;
  const { clock } = ports;
  /** By channel. A room outlives its channel on this node until what it has under way is in the log. */
  const rooms = new Map<string, Room>();
  /** The channels that are open, by name. */
  const open = new Map<string, HubChannel>();
  /** Copies that brought nothing, by what they hash to: who reconnects sends the same again. */
  const knownCopies = new Map<Room, Set<string>>();
  const uploads = createUploads(clock);
  const joining = createJoining(clock, () => engineOf(ports));
  const rates = new Map<ChannelSpec, KeyedRate>();
  const pruning = new Map<Room, Promise<void>>();
  /** Changes under way of each session, of all documents. */
  const waiting = new Map<LocalSession, number>();

  const engine = (): DocumentEngine => engineOf(ports);
  const storeOf = (spec: ChannelSpec): DocumentStore => documentStoreOf(ports, spec);

  function roomOf(channel: HubChannel): Room {
    let room = rooms.get(channel.name);
    open.set(channel.name, channel);
    if (room === undefined) {
      const { spec } = channel;
      if (spec.document === null) throw new TypeError(`${channel.name} is no document`);
      const log = logOf(context, spec);
      room = createRoom(channel, spec.document, {
        ports,
        log,
        store: storeOf(spec),
        engine: engine(),
        alone: ports.cluster === null,
      });
      rooms.set(channel.name, room);
    }
    return room;
  }

  function closed(channel: HubChannel): void {
    joining.forget(channel);
    const room = rooms.get(channel.name);
    if (room === undefined || open.get(channel.name) !== channel) return;
    open.delete(channel.name);
    void retire(channel.name, room);
  }

  /**
   * Another room of the document may begin only when this one has nothing under way: where one of its appends failed, one of the
   * other's would take a place that was meant for what came before it.
   */
  async function retire(name: string, room: Room): Promise<void> {
    await room.idle();
    // Whoever comes next is sent a snapshot, and nobody waits for it now.
    if (!open.has(name) && room.size.tailUpdates >= WORTH_UPDATES) await room.compact();
    if (open.has(name) || rooms.get(name) !== room) return;
    if (room.busy) return retire(name, room);
    rooms.delete(name);
    knownCopies.delete(room);
    room.close();
  }

  function vectorText(room: Room): string {
    return Buffer.from(engine().encodeVector(room.state.vector)).toString('base64');
  }

  async function start(channel: HubChannel, vector: string | undefined): Promise<DocumentStart> {
    const { spec } = channel;
    const room = roomOf(channel);
    await room.ready();
    const most = spec.document?.documentBytes ?? 0;
    const { snapshotBytes, tailBytes } = room.size;
    if (snapshotBytes + tailBytes > most)
      return { ok: false, code: 'too_large', detail: `the document has more than ${most} bytes` };
    const bytes = vector === undefined ? null : vectorBytes(vector);
    if (bytes === undefined)
      return { ok: false, code: 'bad_message', detail: 'sv: expected a state vector as base64' };
    const started = await joining.start(channel, logOf(context, spec), storeOf(spec), bytes);
    ports.telemetry.documentJoined(started.isDifference ? 'difference' : 'state');
    return { ok: true, vector: vectorText(room), ...started };
  }

  function vectorBytes(text: string): Uint8Array | undefined {
    const bytes = Buffer.from(text, 'base64');
    return engine().decodeVector(bytes) === undefined ? undefined : bytes;
  }

  function update(link: LinkState, session: LocalSession, message: UpdateDocument): void | Promise<void> {
    const subscription = session.channels?.subscriptions.get(message.c);
    if (subscription === undefined || subscription.state.name === 'waiting')
      return sendError(context, link, 'not_subscribed', 'join the document first', message.i);
    const { channel } = subscription;
    const { document } = channel.spec;
    if (document === null)
      return sendError(context, link, 'kind_mismatch', 'only documents take updates', message.i);
    // Nothing of who may not write is decoded.
    if (!mayWrite(subscription)) return sendError(context, link, 'forbidden', READS_ONLY, message.i);
    const uploaded = uploads.take(link, message, document.updateBytes);
    if (uploaded.kind === 'refused')
      return sendError(context, link, uploaded.code, uploaded.detail, message.i);
    if (uploaded.kind === 'part') {
      if (message.i !== undefined) sendControl(context, link, { t: 'ok', i: message.i });
      return undefined;
    }
    const waitMs = rateOf(channel.spec).take(channel.name, clock.monotonicMs());
    if (waitMs > 0)
      return sendError(context, link, 'rate_limited', 'too many updates of this document', message.i, waitMs);
    const most = context.settings.publicationsInFlight;
    if ((waiting.get(session) ?? 0) >= most)
      return sendError(context, link, 'rate_limited', `updates under way: ${most}`, message.i, TRY_AGAIN_MS);
    const change: Change = {
      update: uploaded.update,
      author: { user: session.user, names: subscription.names, full: message.full === true },
      silent: { session: session.id, request: message.i ?? null },
      mayWrite: () =>
        session.channels?.subscriptions.get(message.c) === subscription && mayWrite(subscription),
    };
    waiting.set(session, (waiting.get(session) ?? 0) + 1);
    const taken = take(channel, change);
    void taken.result.then((result) => {
      const left = (waiting.get(session) ?? 1) - 1;
      if (left > 0) waiting.set(session, left);
      else waiting.delete(session);
      answer(link, message, result);
    });
    // What comes behind it on this channel waits until it has its place, not until it is kept.
    return taken.placed;
  }

  /** One copy of a document at a time: each reads the whole of it, and takes a job. */
  function inTurn(room: Room, work: () => Promise<Change | TakeResult>): Promise<Change | TakeResult> {
    const done = (pruning.get(room) ?? Promise.resolve()).then(work);
    const turn = done.then(() => {
      if (pruning.get(room) === turn) pruning.delete(room);
    });
    pruning.set(room, turn);
    return done;
  }

  function take(
    channel: HubChannel,
    change: Change,
  ): { readonly placed: Promise<void> | undefined; readonly result: Promise<TakeResult> } {
    const room = roomOf(channel);
    if (!change.author.full) return { placed: undefined, result: told(change, room.take(change)) };
    const pruned = inTurn(room, () => prune(channel, room, change));
    const result = pruned.then((left) => takePruned(room, left));
    return { placed: pruned.then(() => undefined), result: told(change, result) };
  }

  async function told({ update: { length } }: Change, taking: Promise<TakeResult>): Promise<TakeResult> {
    const result = await taking;
    ports.telemetry.documentUpdate(result.ok ? (result.duplicate ? 'known' : 'taken') : result.code, length);
    return result;
  }

  /** What a copy repeats is left out, its deletions above all, which no vector shows. */
  async function prune(channel: HubChannel, room: Room, change: Change): Promise<Change | TakeResult> {
    const { update: whole } = change;
    const inspected = engine().inspect(whole);
    if (!inspected.ok) return { ok: false, code: 'update_invalid', detail: inspected.detail };
    if (!inspected.content.deletes) return change;
    const print = ports.secrets.hash(Buffer.from(whole).toString('base64'));
    const known = knownCopies.get(room) ?? new Set<string>();
    knownCopies.set(room, known);
    const log = logOf(context, channel.spec);
    try {
      if (known.has(print)) {
        await log.settle(channel.name);
        return { ok: true, position: room.position, duplicate: true };
      }
      const { position, parts } = await room.read();
      const job = await engine().prune(parts, whole);
      if (!job.ok) return { ok: false, code: 'update_invalid', detail: job.detail };
      if (job.update !== null) return { ...change, update: job.update };
      // What could be read need not be kept yet, and whoever is told so lets go of their own.
      await log.settle(channel.name);
      const [oldest] = known;
      if (known.size >= COPIES_KEPT && oldest !== undefined) known.delete(oldest);
      known.add(print);
      return { ok: true, position, duplicate: true };
    } catch (error) {
      ports.telemetry.warn('document_prune_failed', { error: String(error) });
      return {
        ok: false,
        code: 'unavailable',
        detail: 'the document cannot be read now',
        retryAfterMs: TRY_AGAIN_MS,
      };
    }
  }

  function takePruned(room: Room, left: Change | TakeResult): Promise<TakeResult> {
    return 'update' in left ? room.take(left) : Promise.resolve(left);
  }

  function rateOf(spec: ChannelSpec): KeyedRate {
    let rate = rates.get(spec);
    if (rate === undefined) {
      rate = createKeyedRate(spec.rate);
      rates.set(spec, rate);
    }
    return rate;
  }

  function answer(link: LinkState, { i }: UpdateDocument, result: TakeResult): void {
    if (isClosed(link)) return;
    if (!result.ok) return sendError(context, link, result.code, result.detail, i, result.retryAfterMs);
    if (i === undefined) return;
    const { position, duplicate } = result;
    sendControl(context, link, {
      t: 'ok',
      i,
      e: position.epoch,
      o: position.offset,
      ...(duplicate ? { dup: true } : {}),
    });
  }

  return {
    sizes() {
      let snapshots = 0;
      let tails = 0;
      for (const { size } of rooms.values()) {
        snapshots += size.snapshotBytes;
        tails += size.tailBytes;
      }
      return { open: rooms.size, snapshotBytes: snapshots, tailBytes: tails };
    },
    get timers() {
      return uploads.timers + joining.timers;
    },
    roomOf,
    closed,
    delivered: (channel, notice) => rooms.get(channel.name)?.delivered(notice),
    lost(channel) {
      joining.forget(channel);
      const room = rooms.get(channel.name);
      room?.lost();
      if (room !== undefined) knownCopies.delete(room);
    },
    stateOf: joining.stateOf,
    start,
    async vectorOf(channel) {
      const room = roomOf(channel);
      await room.ready();
      ports.telemetry.documentJoined('position');
      return vectorText(room);
    },
    async takenOf(channel, user, names) {
      const room = roomOf(channel);
      await room.ready();
      return names.find((name) => {
        const owner = room.state.owners.get(name);
        return owner !== undefined && !owner.held && owner.user !== user;
      });
    },
    update,
    change: (channel, change) => take(channel, change).result,
    gone: uploads.forget,
    stop() {
      for (const room of rooms.values()) room.close();
      rooms.clear();
      open.clear();
      knownCopies.clear();
      uploads.stop();
      joining.stop();
    },
  };
}

const READS_ONLY = 'your role on this document does not allow changes';

const TRY_AGAIN_MS = 1_000;

function mayWrite({ right }: Subscription): boolean {
  return isAtLeast(right.role ?? 'none', 'write');
}
