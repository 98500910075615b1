import {
  type DocumentState,
  add,
  authorOf,
  judge,
  newDocumentState,
  noteOf,
} from '../../core/document/document-state.ts';
import { decodeOwners } from '../../core/document/owners.ts';
import type { DocumentEngine, UpdateContent } from '../../ports/document-engine.ts';
import type { DocumentStore } from '../../ports/documents.ts';
import {
  type Append,
  type AppendResult,
  type Log,
  type Position,
  type Publication,
  publishes,
} from '../../ports/log.ts';
import type { DocumentSpec } from '../../core/channel/channel-spec.ts';
import { tellNodes } from '../channels/telling-nodes.ts';
import type { HubChannel } from '../link-state.ts';
import type { NodePorts } from '../node-options.ts';
import { RETRY_UNAVAILABLE_MS } from '../retry.ts';
import { createCompaction } from './compaction.ts';
import { newPart, type Taken } from './new-part.ts';
import { bytesOf, readDocument, readHead } from './reading-document.ts';
import type { Change, RefusedChange, Room, TakeResult } from './room-face.ts';

/** How often a change is judged anew because another node was faster; then its client may send it again. */
const MAX_ATTEMPTS = 32;

/** Appends under way at a time where nobody else appends: what a commit takes together. */
const MAX_IN_FLIGHT = 256;

type Waiting = {
  readonly change: Change;
  readonly content: UpdateContent;
  /** What of it is appended; of another attempt it may be another part. */
  taken: Taken;
  attempts: number;
  /** The log had been read to its top when it was judged last. */
  caughtUp: boolean;
  settle(result: TakeResult): void;
};

export type RoomParts = {
  readonly ports: Pick<NodePorts, 'broker' | 'clock' | 'telemetry' | 'secrets'>;
  readonly log: Log;
  readonly store: DocumentStore;
  readonly engine: DocumentEngine;
  /**
   * Whether no other node appends to the log. Only then may an append be sent behind one that is not answered: where that one fails,
   * a change of another node may take its place, and what was judged behind it would be appended behind something else.
   */
  readonly alone: boolean;
};

/**
 * A document on this node. Changes are judged in the order in which they came, each against everything before it, those on
 * their way into the log included; each is appended only at the place for which it was judged. Where that place was taken by another node,
 * or the log did not answer, the room waits for what is under way, reads what the log has, and judges again.
 */
export function createRoom(
  channel: HubChannel,
  spec: DocumentSpec,
  { ports, log, store, engine, alone }: RoomParts,
): Room {
  const { clock, telemetry } = ports;
  const { name } = channel;
  const { retention } = channel.spec;
  const nowMs = (): number => clock.nowMs();
  const mostInFlight = alone ? MAX_IN_FLIGHT : 1;
  let state: DocumentState = newDocumentState();
  let position: Position = { epoch: '', offset: 0 };
  let snapshotBytes = 0;
  /** Of the updates behind the snapshot. */
  let tailBytes = 0;
  let tailUpdates = 0;
  /** Null: nobody waits for it. */
  let loading: Promise<void> | null = null;
  let isLoaded = false;
  let isClosed = false;
  let ahead: DocumentState = newDocumentState();
  const queue: Waiting[] = [];
  const inFlight: Waiting[] = [];
  /** To be judged again, once nothing is under way. */
  const again: Waiting[] = [];
  /** What is known is behind the log, or not certain. */
  let isBehind = false;
  /** The log began anew, or may have, while something was under way: all is read again. */
  let isVoid = false;
  let isCatchingUp = false;
  const awaitingIdle: (() => void)[] = [];

  const compaction = createCompaction(name, {
    ...{ clock, telemetry, log, store, engine, spec },
    read: () => readDocument(name, log, store, retention, nowMs),
    owners: () => state.owners,
    catchUp: () => caughtUp(),
    kept(bytes, upTo) {
      snapshotBytes = bytes;
      // What came meanwhile is counted by what is behind it: by its number, for its bytes are not kept apart.
      const left = Math.max(0, position.epoch === upTo.epoch ? position.offset - upTo.offset : tailUpdates);
      tailBytes = tailUpdates === 0 ? 0 : Math.round((tailBytes * Math.min(left, tailUpdates)) / tailUpdates);
      tailUpdates = Math.min(left, tailUpdates);
    },
  });

  async function load(): Promise<void> {
    isLoaded = false;
    let read: Awaited<ReturnType<typeof readHead>>;
    do {
      isVoid = false;
      read = await readHead(name, log, store, retention, nowMs);
    } while (isVoidNow());
    const { snapshot: head, top, tail } = read;
    state = { vector: new Map(head?.vector), owners: head === null ? new Map() : decodeOwners(head.owners) };
    position = head?.position ?? top;
    snapshotBytes = head?.bytes ?? 0;
    tailBytes = 0;
    tailUpdates = 0;
    for (const publication of tail) addPublication(publication);
    position = top;
    isLoaded = true;
    isBehind = false;
  }

  function isVoidNow(): boolean {
    return isVoid;
  }

  function ready(): Promise<void> | undefined {
    if (isLoaded && !isVoid) return undefined;
    return (loading ??= load().finally(() => (loading = null)));
  }

  /** What the log has behind the position. */
  async function caughtUp(): Promise<void> {
    if (!isLoaded || isVoid) return ready();
    const result = await log.read(name, position, retention, nowMs());
    if (!result.ok) {
      isLoaded = false;
      return ready();
    }
    for (const publication of result.publications)
      if (publication.offset === position.offset + 1) {
        addPublication(publication);
        position = { epoch: result.top.epoch, offset: publication.offset };
      }
    isBehind = false;
  }

  function addPublication(publication: Publication): void {
    const update = bytesOf(publication);
    const inspected = engine.inspect(update);
    if (inspected.ok) add(state, inspected.content, authorOf(publication.by, publication.ref));
    // Nobody could have appended it: another version did, or the log was changed by hand.
    else telemetry.warn('document_update_unreadable', { channel: name, offset: publication.offset });
    grew(update.length);
  }

  function grew(bytes: number): void {
    tailBytes += bytes;
    tailUpdates++;
  }

  function take(change: Change): Promise<TakeResult> {
    const refused = unfit(change);
    if (refused !== null) return Promise.resolve(refused);
    const inspected = engine.inspect(change.update);
    if (!inspected.ok) return Promise.resolve(refusal('update_invalid', inspected.detail));
    // Its author was shut out, or left, while a job looked at it: nobody would ever judge it here.
    if (isClosed) return Promise.resolve(change.mayWrite() ? UNAVAILABLE : NO_RIGHT);
    return new Promise((settle) => {
      const { content } = inspected;
      const taken = { update: change.update, content };
      queue.push({ change, content, taken, attempts: 0, caughtUp: false, settle });
      pump();
    });
  }

  function unfit({ update, isImport }: Change): RefusedChange | null {
    const most = isImport === true ? spec.documentBytes : spec.updateBytes;
    return update.length > most ? refusal('too_large', `an update has at most ${most} bytes`) : null;
  }

  function pump(): void {
    while (queue.length > 0 && !isCatchingUp && again.length === 0 && !isClosed) {
      if (!isLoaded || isBehind || isVoid) return catchUpThenPump();
      if (inFlight.length >= mostInFlight) return;
      const [waiting] = queue;
      if (waiting === undefined || !advance(waiting)) return;
    }
  }

  /** @returns whether the next one may be looked at */
  function advance(waiting: Waiting): boolean {
    const { change, content } = waiting;
    if (!change.mayWrite()) {
      end(waiting, NO_RIGHT);
      return true;
    }
    const judged = judge(state, ahead, content, change.author);
    switch (judged.verdict) {
      case 'take':
        if (change.expect === undefined || isNext(change.expect)) return append(waiting);
        if (inFlight.length > 0) return false;
        if (waiting.caughtUp) end(waiting, MOVED);
        else askLog(waiting);
        return true;
      case 'known':
        // What made it known must be kept before anybody is told so.
        if (inFlight.length > 0) return false;
        void settled(waiting);
        queue.shift();
        tellIdle();
        return true;
      case 'gap':
        if (inFlight.length > 0) return false;
        if (!waiting.caughtUp) {
          askLog(waiting);
          return true;
        }
        end(
          waiting,
          refusal('update_gap', `it builds on changes of client ${judged.client} that are not there`),
        );
        return true;
      case 'foreign':
        end(waiting, refusal('client_id_taken', `client ${judged.client} is somebody else's`));
        return true;
    }
  }

  /** Whoever read the log may know more than this node has heard: it is judged again behind what the log has. */
  function askLog(waiting: Waiting): void {
    waiting.caughtUp = true;
    isBehind = true;
  }

  function isNext({ epoch, offset }: Position): boolean {
    return epoch === position.epoch && offset === position.offset + inFlight.length;
  }

  async function settled(waiting: Waiting): Promise<void> {
    try {
      await log.settle(name);
      waiting.settle({ ok: true, position, duplicate: true });
    } catch (error) {
      telemetry.warn('append_failed', { channel: name, error: String(error) });
      waiting.settle(UNAVAILABLE);
    }
  }

  /** The first of the queue is answered. */
  function end(waiting: Waiting, result: TakeResult): void {
    queue.shift();
    waiting.settle(result);
    tellIdle();
  }

  function append(waiting: Waiting): boolean {
    const { change, content: judged } = waiting;
    const taken = newPart(engine, { update: change.update, content: judged }, state, ahead);
    waiting.taken = taken;
    const bytes = snapshotBytes + tailBytes + taken.update.length;
    if (bytes > spec.documentBytes) {
      compaction.consider({ snapshotBytes, tailBytes, tailUpdates }, true);
      end(waiting, refusal('too_large', `the document has reached its ${spec.documentBytes} bytes`));
      return true;
    }
    queue.shift();
    waiting.attempts++;
    const offset = position.offset + inFlight.length;
    inFlight.push(waiting);
    add(ahead, taken.content, change.author);
    const appended = attempt(toAppend(change, taken, { epoch: position.epoch, offset }));
    if (appended instanceof Promise)
      void appended.then(
        (result) => appendedOr(waiting, result),
        (error: unknown) => failed(waiting, error),
      );
    else if (appended instanceof Error) failed(waiting, appended);
    else appendedOr(waiting, appended);
    return true;
  }

  function attempt(asked: Append): Promise<AppendResult> | AppendResult | Error {
    try {
      return log.append(asked);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  function toAppend({ author, silent, once }: Change, { update, content }: Taken, expect: Position): Append {
    return {
      channel: name,
      kind: 'stream',
      retention,
      by: author.user,
      data: `"${Buffer.from(update.buffer, update.byteOffset, update.length).toString('base64')}"`,
      key: null,
      version: null,
      ref: noteOf(content, author),
      eventMs: null,
      ttlMs: null,
      expect,
      once: once === undefined ? null : { scope: author.user ?? '', ...once },
      lane: null,
      silent: publishes(log) ? silent : null,
      nowMs: clock.nowMs(),
    };
  }

  function appendedOr(waiting: Waiting, result: AppendResult): void {
    inFlight.splice(inFlight.indexOf(waiting), 1);
    if (result.ok && 'publication' in result) {
      const { epoch, publication } = result;
      if (!isBehind && epoch === position.epoch && publication.offset === position.offset + 1) {
        add(state, waiting.taken.content, waiting.change.author);
        position = { epoch, offset: publication.offset };
        grew(waiting.taken.update.length);
      } else isBehind ||= isNewer(epoch, publication.offset);
      const { silent } = waiting.change;
      if (!publishes(log))
        tellNodes(ports, { kind: 'publication', channel: name, epoch, publication, silent, eventMs: null });
      waiting.settle({ ok: true, position: { epoch, offset: publication.offset }, duplicate: false });
      compaction.consider({ snapshotBytes, tailBytes, tailUpdates }, false);
    } else if (result.ok && 'duplicate' in result)
      waiting.settle({ ok: true, position: result.duplicate ?? position, duplicate: true });
    else if (!result.ok && result.code === 'id_reused')
      waiting.settle(refusal('id_reused', 'the id stands for another change'));
    else if (!result.ok && result.code === 'conflict' && waiting.change.expect !== undefined) {
      isBehind = true;
      waiting.settle(MOVED);
    } else if (!result.ok && result.code === 'limit_reached')
      waiting.settle(refusal('limit_reached', result.detail));
    else if (waiting.attempts < MAX_ATTEMPTS) {
      isBehind = true;
      again.push(waiting);
    } else waiting.settle(UNAVAILABLE);
    landed();
  }

  function isNewer(epoch: string, offset: number): boolean {
    return epoch !== position.epoch || offset > position.offset;
  }

  /** Whether it was appended is not known: what the log has tells, and the client sends it again. */
  function failed(waiting: Waiting, error: unknown): void {
    inFlight.splice(inFlight.indexOf(waiting), 1);
    telemetry.warn('append_failed', { channel: name, error: String(error) });
    isBehind = true;
    waiting.settle(UNAVAILABLE);
    landed();
  }

  /** Something that was under way is not any more. */
  function landed(): void {
    if (inFlight.length === 0) {
      ahead = newDocumentState();
      queue.unshift(...again.splice(0));
    }
    // Behind a failure nothing more goes out before all that is under way has come back.
    if (!isBehind || inFlight.length === 0) pump();
    if (isClosed) giveUp();
    tellIdle();
  }

  function catchUpThenPump(): void {
    if (inFlight.length > 0) return;
    isCatchingUp = true;
    ahead = newDocumentState();
    caughtUp().then(
      () => {
        isCatchingUp = false;
        pump();
      },
      (error: unknown) => {
        isCatchingUp = false;
        telemetry.warn('channel_read_failed', { channel: name, error: String(error) });
        giveUp();
      },
    );
  }

  function giveUp(): void {
    for (const waiting of queue.splice(0)) waiting.settle(UNAVAILABLE);
    tellIdle();
  }

  function isBusy(): boolean {
    return queue.length > 0 || inFlight.length > 0 || again.length > 0;
  }

  function tellIdle(): void {
    if (!isBusy()) for (const resolve of awaitingIdle.splice(0)) resolve();
  }

  return {
    ready,
    get state() {
      return state;
    },
    get position() {
      return position;
    },
    get size() {
      return { snapshotBytes, tailBytes, tailUpdates };
    },
    get busy() {
      return isBusy();
    },
    idle: () => (isBusy() ? new Promise((resolve) => awaitingIdle.push(resolve)) : Promise.resolve()),
    take,
    delivered({ epoch, publication }) {
      // Its own are added when the log has answered.
      if (!isLoaded || isCatchingUp || inFlight.length > 0) return;
      if (epoch !== position.epoch || publication.offset > position.offset + 1) isBehind = true;
      else if (publication.offset === position.offset + 1 && !isBehind) {
        addPublication(publication);
        position = { epoch, offset: publication.offset };
      }
    },
    lost() {
      isBehind = true;
      // What is being read now may be what was before.
      isVoid = true;
      // What is under way comes back first: its place is gone, and it is judged again.
      if (inFlight.length === 0 && !isCatchingUp) isLoaded = false;
    },
    async read() {
      const { snapshot, top, tail } = await readDocument(name, log, store, retention, nowMs);
      return { position: top, parts: { state: snapshot?.state ?? null, tail: tail.map(bytesOf) } };
    },
    compact: () => compaction.run(),
    close() {
      isClosed = true;
      compaction.stop();
      giveUp();
    },
  };
}

const UNAVAILABLE: RefusedChange = {
  ok: false,
  code: 'unavailable',
  detail: 'the store of the document does not answer',
  retryAfterMs: RETRY_UNAVAILABLE_MS,
};

const NO_RIGHT: RefusedChange = refusal('forbidden', 'the role on the document does not allow changes');

const MOVED: RefusedChange = { ok: false, code: 'conflict', detail: 'the document has gone on' };

function refusal(code: RefusedChange['code'], detail: string): RefusedChange {
  return { ok: false, code, detail };
}
