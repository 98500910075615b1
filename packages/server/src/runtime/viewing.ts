import type { Edge } from '../ports/directory.ts';
import { TRANSITION, controlFrame, presenceFrame, syncFrame } from '../core/outbox/frame.ts';
import { holdResync } from '../core/outbox/outbox.ts';
import { deltaSyncMessage } from '../core/presence/messages.ts';
import { type ViewMask, changeBetween, viewMask } from '../core/presence/visibility.ts';
import type { NodeContext } from './context.ts';
import { type EdgeRead, type LinkState, isClosed, isSettled } from './link-state.ts';

// What a connection watches, and how edits of the roster reach it while it is open.

/** How long the app's own code may take to answer, in ms. */
const HOOK_TIME_LIMIT_MS = 5_000;

/** @throws where the hook does not answer in time: whoever waits for it must not wait for ever */
function inTime<T>(context: NodeContext, hook: string, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = context.ports.clock.setTimer(HOOK_TIME_LIMIT_MS, () =>
      reject(new Error(`${hook} did not answer within ${HOOK_TIME_LIMIT_MS} ms`)),
    );
    answer.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** The edges of a viewer, from the directory or from the app's hook. */
export async function rosterEdges(context: NodeContext, viewer: string): Promise<readonly Edge[]> {
  const { directory } = context.ports;
  const { followsOf, followsPerUser } = context.settings;
  if (followsOf === null) return directory.rosterOf(viewer);
  const follows = await inTime(context, 'followsOf', Promise.resolve(followsOf(viewer)));
  return directory.edgesAmong(
    viewer,
    [...new Set(follows)].filter((user) => user !== viewer).slice(0, followsPerUser),
  );
}

async function oneEdge(context: NodeContext, viewer: string, user: string): Promise<Edge | null> {
  if (context.settings.followsOf === null) return context.ports.directory.edge(viewer, user);
  const edges = await rosterEdges(context, viewer);
  return edges.find((edge) => edge.user === user) ?? null;
}

function viewOf(context: NodeContext, edge: Edge, viewer: string): ViewMask {
  try {
    return viewMask(context.settings.fields, context.settings.audience, edge, viewer);
  } catch (error) {
    // An audience hook that fails has not allowed anything.
    context.ports.telemetry.warn('audience_hook_failed', { error: String(error) });
    return 0;
  }
}

/**
 * Puts edges under watch and waits until this node knows the state of everyone in them. Nothing is told to the viewer
 * before it is live.
 *
 * @param hidden nothing is shown of them for the moment
 */
export async function watchEdges(
  context: NodeContext,
  link: LinkState,
  viewer: string,
  edges: readonly Edge[],
  hidden = false,
): Promise<void> {
  const { watchList, topics } = context;
  const waits: Promise<void>[] = [];
  for (const edge of edges) {
    const first = watchList.watch(link, edge.user, hidden ? 0 : viewOf(context, edge, viewer));
    const wait = first ? topics.subscribePresence(edge.user) : topics.presencePending(edge.user);
    if (wait !== undefined) waits.push(wait);
  }
  if (waits.length > 0) await Promise.all(waits);
  // Read only after the subscription stands: a change between the two would reach nobody.
  const unknown = edges.filter((edge) => watchList.isWatched(edge.user) && !watchList.isLoaded(edge.user));
  if (unknown.length === 0) return;
  const records = await context.ports.presence.read(unknown.map((edge) => edge.user));
  for (const record of records) watchList.apply(record);
}

export function unwatchUser(context: NodeContext, link: LinkState, user: string): void {
  if (context.watchList.unwatch(link, user)) context.topics.unsubscribePresence(user);
}

export function unwatchAll(context: NodeContext, link: LinkState): void {
  for (const user of context.watchList.unwatchAll(link)) context.topics.unsubscribePresence(user);
}

/**
 * Reads again what was edited while the roster was being read, until nothing is left: then nothing stands between what
 * was read and what is published.
 *
 * @returns whether there was anything
 */
export async function settleEdits(context: NodeContext, link: LinkState, viewer: string): Promise<boolean> {
  for (let edited = false; ; edited = true) {
    if (isClosed(link)) return edited;
    if (link.reloadWhileJoining) {
      link.reloadWhileJoining = false;
      await watchRoster(context, link, viewer);
    } else if (link.editedWhileJoining !== null) {
      const users = link.editedWhileJoining;
      link.editedWhileJoining = null;
      for (const user of users) await settleEdge(context, link, viewer, user);
    } else return edited;
  }
}

async function settleEdge(
  context: NodeContext,
  link: LinkState,
  viewer: string,
  user: string,
): Promise<void> {
  const edge = await oneEdge(context, viewer, user);
  if (isClosed(link)) return;
  if (edge === null) unwatchUser(context, link, user);
  else await watchEdges(context, link, viewer, [edge]);
}

/**
 * Reads the roster and watches exactly what it holds.
 *
 * @returns how many edges that was
 */
async function watchRoster(context: NodeContext, link: LinkState, viewer: string): Promise<number> {
  let edges: readonly Edge[];
  let edits: number;
  do {
    edits = link.edgeEdits;
    edges = await rosterEdges(context, viewer);
    // An edit that came in between may be missing from what was read, and has been applied already.
  } while (edits !== link.edgeEdits && !isClosed(link));
  if (isClosed(link)) return 0;
  const kept = new Set(edges.map((edge) => edge.user));
  for (const user of context.watchList.keepOnly(link, kept)) context.topics.unsubscribePresence(user);
  await watchEdges(context, link, viewer, edges);
  return edges.length;
}

/**
 * An edge of a viewer was edited: it shows nothing until it is read again.
 *
 * @returns whether `rereadEdge` is owed
 */
export function edgeEdited(context: NodeContext, link: LinkState, user: string): boolean {
  link.edgeEdits++;
  if (link.phase === 'authenticating') {
    (link.editedWhileJoining ??= new Set()).add(user);
    return false;
  }
  if (link.phase !== 'live') return false;
  const { watchList } = context;
  const read = link.edgeReads?.get(user);
  // Never the number of another reading, however late that is answered.
  if (read !== undefined) read.edit = link.edgeEdits;
  else {
    const before = { view: watchList.viewOf(link, user), record: watchList.recordOf(user) };
    (link.edgeReads ??= new Map<string, EdgeRead>()).set(user, { edit: link.edgeEdits, ...before });
  }
  // Until it is read again the edge shows nothing: what is published behind a block must not slip through.
  if (watchList.viewOf(link, user) !== undefined) watchList.watch(link, user, 0);
  return true;
}

/** Reads an edited edge again and tells the viewer. Of several edits since the last call one reading is enough. */
export async function rereadEdge(
  context: NodeContext,
  link: LinkState,
  viewer: string,
  user: string,
): Promise<void> {
  const read = link.edgeReads?.get(user);
  if (isClosed(link) || read === undefined) return;
  const { edit } = read;
  const isOver = (): boolean => isClosed(link) || link.edgeReads?.get(user) !== read || read.edit !== edit;
  const edge = await oneEdge(context, viewer, user);
  if (isOver()) return;
  if (edge !== null) {
    // Not shown before it is told whole: a change that comes meanwhile would be about somebody the viewer does not know.
    await watchEdges(context, link, viewer, [edge], true);
    if (isOver()) return;
    context.watchList.watch(link, user, viewOf(context, edge, viewer));
  }
  link.edgeReads?.delete(user);
  if (link.edgeReads?.size === 0) link.edgeReads = null;
  if (edge === null) tellGone(context, link, user);
  else tellRead(context, link, user, read);
  // What was held because edges were unsettled can go out now.
  if (isSettled(link)) context.flusher.drained(link);
}

/** A friend whom the viewer knew, and may see as before, is told of only in what changed meanwhile: nobody came. */
function tellRead(context: NodeContext, link: LinkState, user: string, { view, record }: EdgeRead): void {
  const { watchList, flusher } = context;
  const now = watchList.recordOf(user);
  if (
    view === undefined ||
    view !== watchList.viewOf(link, user) ||
    record === undefined ||
    now === undefined
  )
    return tellWhole(context, link, user);
  const change = changeBetween(context.settings.fields, record, now);
  if (change === 0) return;
  const text = watchList.render(link, user, change);
  if (text !== null) flusher.send(link, presenceFrame(user, change, text));
}

function tellWhole(context: NodeContext, link: LinkState, user: string): void {
  const text = context.watchList.render(link, user, TRANSITION);
  if (text !== null) context.flusher.send(link, presenceFrame(user, TRANSITION, text));
}

function tellGone(context: NodeContext, link: LinkState, user: string): void {
  if (context.watchList.viewOf(link, user) === undefined) return;
  unwatchUser(context, link, user);
  if (link.knowsDelta) context.flusher.send(link, controlFrame(deltaSyncMessage('', [user])));
  else sendFullSync(context, link);
}

/** A client that knows only the fixed messages understands "no friend any more" by a whole new list alone. */
function sendFullSync(context: NodeContext, link: LinkState): void {
  // An edge that is being read again shows nothing for the moment; a sync made now would show that friend offline.
  if (link.outbox.held === null && isSettled(link))
    context.flusher.send(link, syncFrame(context.watchList.fullSync(link)));
  else holdResync(link.outbox);
}

/**
 * The whole roster of a viewer may have changed. Until all of it is read nothing goes out: what was taken away must not
 * slip through, nor a change of somebody new come before the sync that names them.
 *
 * @returns whether one more `reloadRoster` is owed
 */
export function rosterEdited(link: LinkState): boolean {
  if (link.phase === 'authenticating') link.reloadWhileJoining = true;
  if (link.phase !== 'live') return false;
  link.rosterReads++;
  holdResync(link.outbox);
  return true;
}

/**
 * Reads everything again; the viewer gets a full sync. Two of them at once could end with the older answer.
 *
 * @param edits for how many calls of `rosterEdited` this is
 * @returns how many edges were read
 */
export async function reloadRoster(
  context: NodeContext,
  link: LinkState,
  viewer: string,
  edits: number,
): Promise<number> {
  if (isClosed(link)) return 0;
  let edges: number;
  try {
    edges = await watchRoster(context, link, viewer);
  } finally {
    link.rosterReads -= edits;
  }
  context.flusher.drained(link);
  return edges;
}
