import { positionOf } from '../../core/channel/feed.ts';
import type { OutboundFrame } from '../../core/outbox/frame.ts';
import type { MapPage, Position, Publication } from '../../ports/log.ts';
import { DEFAULT_PAGE_SIZE, type Subscribe } from '@carillon/protocol';
import type { NodeContext } from '../context.ts';
import type { DocumentStart } from '../documents/documents.ts';
import type { HubChannel } from '../link-state.ts';
import type { ChannelParts } from './channel-parts.ts';
import { logOf } from './log-of.ts';
import { keptReplay, makeReplay } from './replay.ts';

/** Where a subscription begins: what its `ok` says, and what is sent behind it. */
export type Start = {
  readonly top: Position;
  readonly frames: readonly OutboundFrame[];
  readonly recovery: { readonly rec: boolean; readonly why?: 'epoch' | 'trimmed' | 'ahead' } | null;
  readonly page: MapPage | null;
  /** Of a document: its state vector as base64, and the number of the state that follows. */
  readonly document: { readonly vector: string; readonly state: number | null } | null;
};

/** Nobody may begin there. */
export type RefusedStart = Extract<DocumentStart, { ok: false }>;

const NOTHING: readonly OutboundFrame[] = [];

/** It begins with what comes. */
export function startAtTop(channel: HubChannel): Start {
  const top = channel.feed === null ? { epoch: '', offset: 0 } : positionOf(channel.feed);
  return { top, frames: NOTHING, recovery: null, page: null, document: null };
}

/** Reads what the subscription begins with. Publications that come meanwhile are kept behind it. */
export async function readStart(
  context: NodeContext,
  parts: ChannelParts,
  channel: HubChannel,
  message: Subscribe,
): Promise<Start | RefusedStart> {
  const { spec, name } = channel;
  if (spec.kind === 'signal') return startAtTop(channel);
  if (spec.kind === 'document') return readDocument(context, parts, channel, message);
  const log = logOf(context, spec);
  const nowMs = context.ports.clock.nowMs();
  if (message.e !== undefined && message.o !== undefined)
    return recover(context, parts, channel, { epoch: message.e, offset: message.o });
  if (spec.kind === 'map') {
    const page = await log.entries(name, null, message.n ?? DEFAULT_PAGE_SIZE);
    return { top: page.top, frames: NOTHING, recovery: null, page, document: null };
  }
  if (message.last === undefined && message.since === undefined) return startAtTop(channel);
  const page = await log.history(
    name,
    {
      offset: null,
      reverse: true,
      limit: message.last ?? spec.retention.count,
      sinceMs: message.since ?? null,
    },
    spec.retention,
    nowMs,
  );
  const publications = [...page.publications].reverse();
  return {
    top: page.top,
    frames: replayOf(parts, channel, page.top, publications),
    recovery: null,
    page: null,
    document: null,
  };
}

/** What was missed behind a position, or a state and the updates behind it ([DOC2]). */
async function readDocument(
  context: NodeContext,
  parts: ChannelParts,
  channel: HubChannel,
  { e, o, sv }: Subscribe,
): Promise<Start | RefusedStart> {
  const recovered =
    e === undefined || o === undefined
      ? null
      : await recover(context, parts, channel, { epoch: e, offset: o });
  if (recovered?.recovery?.rec === true)
    return { ...recovered, document: { vector: await parts.documents.vectorOf(channel), state: null } };
  const start = await parts.documents.start(channel, sv);
  if (!start.ok) return start;
  const { top, frames, state, vector } = start;
  return { top, frames, recovery: recovered?.recovery ?? null, page: null, document: { vector, state } };
}

/** Everything behind a position, or the reason why not ([REC1]). */
async function recover(
  context: NodeContext,
  parts: ChannelParts,
  channel: HubChannel,
  position: Position,
): Promise<Start> {
  const { spec, name, feed } = channel;
  if (feed !== null && feed.epoch === position.epoch) {
    const top = positionOf(feed);
    // What was read for others who left at the same position is the same, as long as nothing was published since.
    const frames =
      top.offset === position.offset ? NOTHING : keptReplay(channel, position.offset, top.offset);
    if (frames !== undefined) return { top, frames, recovery: { rec: true }, page: null, document: null };
  }
  const result = await logOf(context, spec).read(name, position, spec.retention, context.ports.clock.nowMs());
  if (!result.ok)
    return {
      top: result.top,
      frames: NOTHING,
      recovery: { rec: false, why: result.why },
      page: null,
      document: null,
    };
  const { top, publications } = result;
  return {
    top,
    frames: replayOf(parts, channel, top, publications),
    recovery: { rec: true },
    page: null,
    document: null,
  };
}

function replayOf(
  parts: ChannelParts,
  channel: HubChannel,
  top: Position,
  publications: readonly Publication[],
): readonly OutboundFrame[] {
  const [first] = publications;
  if (first === undefined) return NOTHING;
  const frames = makeReplay(channel, first.offset - 1, top.offset, publications);
  parts.hub.keepReplay(channel);
  return frames;
}
