import { DEFAULT_PAGE_SIZE, type DocumentRequest, isAtLeast } from '@carillon/protocol';
import type { VersionHead } from '../../ports/documents.ts';
import { controlFrame } from '../../core/outbox/frame.ts';
import { inLane } from '../channels/lanes.ts';
import { type NodeContext, sendControl, sendError } from '../context.ts';
import { type HubChannel, type LinkState, type LocalSession, isClosed } from '../link-state.ts';
import type { Outcome } from '../operation-outcome.ts';
import { failed, run, succeed } from '../outcome.ts';
import { inReplayTurn } from '../replay-turns.ts';
import { RETRY_UNAVAILABLE_MS } from '../retry.ts';
import type { DocumentName } from './document-access.ts';
import type { Documents } from './documents.ts';
import type { Versions } from './versions.ts';

/** What the `ok` of a `doc` carries, and the state behind it. */
type Answer = { readonly d?: unknown; readonly e?: string; readonly o?: number; readonly state?: Uint8Array };

/** Answers what clients ask about versions ([DOC7]). */
export type DocumentRequests = {
  handle(link: LinkState, session: LocalSession, message: DocumentRequest): void;
};

export function createDocumentRequests(
  context: NodeContext,
  documents: Pick<Documents, 'stateOf'>,
  versions: Versions,
): DocumentRequests {
  /**
   * Called in the lane of the channel, so behind what was sent before. Jobs take their time: they wait for each other in a lane of their own, and
   * updates pass them.
   */
  function handle(link: LinkState, session: LocalSession, message: DocumentRequest): void {
    const { c, i } = message;
    const subscription = session.channels?.subscriptions.get(c);
    if (subscription === undefined || subscription.state.name === 'waiting')
      return sendError(context, link, 'not_subscribed', 'join the document first', i);
    if (subscription.channel.spec.document === null)
      return sendError(context, link, 'kind_mismatch', 'only documents have versions', i);
    inLane(context, link, `doc ${c}`, i, () => answer(link, session, subscription.channel, message));
  }

  async function answer(
    link: LinkState,
    session: LocalSession,
    channel: HubChannel,
    message: DocumentRequest,
  ): Promise<void> {
    const { c, i } = message;
    const outcome = await run(context, () => carryOut(session, channel, message));
    if (isClosed(link)) return;
    if (!outcome.ok) {
      const { code, detail, particulars } = outcome;
      const retryAfterMs =
        particulars?.retryAfterMs ?? (code === 'unavailable' ? RETRY_UNAVAILABLE_MS : undefined);
      return sendError(context, link, code, detail, i, retryAfterMs);
    }
    // The right to read may have gone while the job was done, and again while the state waited for its turn.
    if (roleOf(session, c, 'read') !== undefined) return sendError(context, link, 'forbidden', NO_ROLE, i);
    const { state, ...fields } = outcome.value;
    if (state === undefined) {
      const text = JSON.stringify({ t: 'ok', i, ...fields });
      const most = channel.heldUnits;
      if (text.length > most)
        return sendError(context, link, 'too_large', `the answer has more than ${most} characters`, i);
      context.flusher.send(link, controlFrame(text));
      return;
    }
    await inReplayTurn(link, async () => {
      if (roleOf(session, c, 'read') !== undefined) return sendError(context, link, 'forbidden', NO_ROLE, i);
      const { number, frames } = documents.stateOf(channel, state);
      sendControl(context, link, { t: 'ok', i, ...fields, ds: number });
      for (const frame of frames) context.flusher.send(link, frame);
    });
  }

  async function carryOut(
    session: LocalSession,
    { name, params, spec }: HubChannel,
    message: DocumentRequest,
  ): Promise<Outcome<Answer>> {
    const { document } = spec;
    if (document === null) return failed('kind_mismatch', 'only documents have versions');
    const writes = message.do === 'save' || message.do === 'restore';
    const refused = roleOf(session, name, writes ? 'write' : 'read');
    if (refused !== undefined) return refused;
    return ask({ name, params, spec, document }, session, message);
  }

  async function ask(
    name: DocumentName,
    session: LocalSession,
    message: DocumentRequest,
  ): Promise<Outcome<Answer>> {
    const { user } = session;
    switch (message.do) {
      case 'versions': {
        const page = await versions.list(name, message.k ?? null, message.n ?? DEFAULT_PAGE_SIZE);
        const { next } = page;
        return succeed({ d: { vs: page.versions.map(shown), ...(next === null ? {} : { next }) } });
      }
      case 'save': {
        const saved = await versions.save(name, message.m ?? null, user);
        return saved.ok ? succeed({ d: { v: saved.value.id } }) : saved;
      }
      case 'authors': {
        const authors = await versions.authors(name);
        return authors.ok ? succeed({ d: authors.value.roots }) : authors;
      }
      case 'view':
      case 'diff':
      case 'restore':
        return message.v === undefined
          ? failed('bad_message', 'v: which version?')
          : ofVersion(name, message.v, session, message);
    }
  }

  async function ofVersion(
    name: DocumentName,
    id: string,
    session: LocalSession,
    { do: asked, w }: DocumentRequest,
  ): Promise<Outcome<Answer>> {
    if (asked === 'restore') {
      const mayWrite = (): boolean => roleOf(session, name.name, 'write') === undefined;
      const restored = await versions.restore(name, id, session.user, mayWrite);
      if (!restored.ok) return restored;
      const { epoch, offset } = restored.value.position;
      return succeed({ e: epoch, o: offset });
    }
    if (asked === 'diff') {
      const diff = await versions.diff(name, id, w ?? null);
      return diff.ok ? succeed({ d: diff.value }) : diff;
    }
    const version = await versions.version(name, id);
    return version.ok ? succeed({ state: version.value.state }) : version;
  }

  /** Looked at when it is carried out: the role may have sunk while it waited. */
  function roleOf(
    session: LocalSession,
    channel: string,
    least: 'read' | 'write',
  ): Outcome<never> | undefined {
    const role = session.channels?.subscriptions.get(channel)?.right.role ?? 'none';
    return isAtLeast(role, least) ? undefined : failed('forbidden', NO_ROLE);
  }

  return { handle };
}

const NO_ROLE = 'your role on this document does not allow it';

/** A version as it stands in a message: without what there is none of. */
function shown({ id, name, atMs, by, bytes }: VersionHead): object {
  return { v: id, ...(name === null ? {} : { m: name }), ts: atMs, ...(by === null ? {} : { by }), bytes };
}
