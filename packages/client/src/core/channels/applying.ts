import type { Gap, PublicationItem, PublicationMessage, Replay, Signals } from '@carillon/protocol';
import type { Publication } from './channel-events.ts';
import { list } from './list.ts';
import type { Machine } from './machine.ts';
import { askCount } from './members.ts';
import { type MapChange, beginSnapshot, putPublication } from './map-view.ts';
import { publicationOf } from './publication.ts';
import { begin, heal } from './subscribing.ts';
import { type Subscription, knownOf, placeAt, positionOf } from './subscription.ts';
import { lose, tellState } from './telling.ts';

// What comes of a channel is applied in the order of its offsets, once, without a gap ([REC3]); whatever does not fit is
// asked for again. While a `sub` is under way nothing is: its answer begins where the channel stands now.

/** The subscription that a message of the channel belongs to; undefined where it is of no use now. */
function liveOf(machine: Machine, channel: string): Subscription | undefined {
  const subscription = machine.subscriptions.get(channel);
  return subscription?.phase.name === 'live' ? subscription : undefined;
}

type Fit = 'next' | 'repeat' | 'gap';

/** Takes a place in the order, where it is the next. */
function advance(subscription: Subscription, offset: number): Fit {
  const { place } = subscription;
  switch (place.name) {
    case 'at':
      if (offset !== place.offset + 1) return offset <= place.offset ? 'repeat' : 'gap';
      place.offset = offset;
      return 'next';
    case 'open': {
      const { epoch, offset: floor } = place.floor;
      const fits = offset <= floor + 1;
      subscription.place = placeAt({ epoch, offset: fits ? offset : floor });
      return fits ? 'next' : 'gap';
    }
    case 'unknown':
      // Publications of a signal, which has none.
      return 'repeat';
  }
}

/** What was applied of one message. */
type Applied = { readonly publications: Publication[]; readonly changes: MapChange[] };

function apply(subscription: Subscription, item: PublicationItem, applied: Applied): Fit {
  const fit = advance(subscription, item.o);
  if (fit !== 'next') return fit;
  const { place, view } = subscription;
  if (view !== null) putPublication(view, item, applied.changes);
  else if (place.name === 'at') applied.publications.push(publicationOf(place.epoch, item));
  return fit;
}

function tell(machine: Machine, subscription: Subscription, { publications, changes }: Applied): void {
  const { channel, place, own } = subscription;
  if (publications.length > 0) machine.effects.push({ do: 'publications', channel, publications });
  if (changes.length > 0) machine.effects.push({ do: 'changes', channel, changes });
  if (place.name !== 'at') return;
  const { offset } = place;
  if (own.length > 0) subscription.own = own.filter((mine) => mine.offset === null || mine.offset > offset);
  if (subscription.until === 0 || offset < subscription.until) return;
  subscription.until = 0;
  tellState(machine, subscription);
}

/** A live publication. */
export function takePublication(machine: Machine, message: PublicationMessage): void {
  const subscription = liveOf(machine, message.c);
  if (subscription === undefined) return;
  const item = message.own === true ? ownItem(machine, subscription, message) : message;
  // The payload is not here: a replay brings it.
  if (item === undefined) return heal(machine, subscription);
  const applied: Applied = { publications: [], changes: [] };
  const fit = apply(subscription, item, applied);
  tell(machine, subscription, applied);
  if (fit === 'next') subscription.heals = 0;
  else if (fit === 'gap') heal(machine, subscription);
}

/** One's own publication, put together from what was sent ([PUB4]). */
function ownItem(
  machine: Machine,
  { own, place }: Subscription,
  { o, i }: PublicationMessage,
): PublicationItem | undefined {
  // A repeat: what it held does not matter.
  if (place.name === 'at' && o <= place.offset) return { o };
  const mine = own.find(({ request }) => request === i);
  if (mine === undefined) return undefined;
  const { data, key: k, version: ver } = mine;
  const by = machine.settings.username;
  return data === null ? { o, by, k, del: true } : { o, by, k, ver, d: JSON.parse(data) as unknown };
}

/** Publications that were missed, oldest first ([REC1]). */
export function takeReplay(machine: Machine, { c, ps }: Replay): void {
  const subscription = liveOf(machine, c);
  if (subscription === undefined) return;
  const applied: Applied = { publications: [], changes: [] };
  const fits = list(ps).every((item) => apply(subscription, item, applied) !== 'gap');
  tell(machine, subscription, applied);
  if (!fits) heal(machine, subscription);
}

/** Publications are missing here, and why ([REC6]). */
export function takeGap(machine: Machine, { c, why, e, o }: Gap): void {
  const subscription = liveOf(machine, c);
  if (subscription === undefined) return;
  // Who came and went may have been left out with them.
  askCount(machine, subscription);
  const from = knownOf(subscription);
  if (from === null) return;
  // Where it goes on is not said: the answer to a `sub` says it.
  if (why === 'resync' || (why === 'epoch' && (e === undefined || o === undefined)))
    return begin(machine, subscription);
  const to = { epoch: e ?? from.epoch, offset: o ?? 0 };
  if (to.epoch === from.epoch && to.offset <= from.offset) return;
  if (why === 'conflated') {
    machine.effects.push({ do: 'conflated', channel: c, from: positionOf(subscription), to });
    subscription.place = placeAt(to);
    return tell(machine, subscription, { publications: [], changes: [] });
  }
  lose(machine, subscription, why, to);
  if (subscription.view === null) return tellState(machine, subscription);
  // A key that is missing would be missing for good, and a server may wait for the `sub` ([REC6]).
  beginSnapshot(subscription.view);
  begin(machine, subscription);
}

/** What was signalled ([SIG1]). */
export function takeSignals(machine: Machine, { c, ss }: Signals): void {
  const subscription = liveOf(machine, c);
  if (subscription === undefined || machine.line.name === 'down') return;
  const { session } = machine.line;
  const signals = list(ss).map(({ id, by, k, d }) => ({
    session: id,
    by: by ?? null,
    key: k ?? null,
    data: d,
    own: id === session,
  }));
  machine.effects.push({ do: 'signals', channel: c, signals });
}
