import type { Gap, PublicationItem, Signals } from '@carillon/protocol';
import { type PositionArgument, positionText } from '../position-argument.ts';
import type { TailEffect, TailState } from './tail-state.ts';

// Everything is printed in the order of its offsets, once ([REC3]). What does not fit is asked for again.

/** What came of a message. `again`: something is missing; subscribe from the last position. `enough`: the count is full. */
export type Taken = 'on' | 'again' | 'enough';

/** Prints publications, as far as they are next. */
export function takePublications(
  state: TailState,
  items: readonly PublicationItem[],
  effects: TailEffect[],
): Taken {
  for (const item of items) {
    const taken = takeOne(state, item, effects);
    if (taken !== 'on') return taken;
  }
  return 'on';
}

function takeOne(state: TailState, item: PublicationItem, effects: TailEffect[]): Taken {
  const { place } = state;
  // Behind a subscription that was asked anew, or of a channel without positions.
  if (place.name === 'start') return 'on';
  const isFirst = place.name === 'open' && item.o <= place.floor.offset + 1;
  if (place.name === 'open' && !isFirst) {
    state.place = { name: 'at', position: place.floor };
    return 'again';
  }
  const known = place.name === 'at' ? place.position : place.floor;
  if (!isFirst && item.o <= known.offset) return 'on';
  if (!isFirst && item.o !== known.offset + 1) return 'again';
  const position = { epoch: known.epoch, offset: item.o };
  state.place = { name: 'at', position };
  state.heals = 0;
  return print(state, publicationLine(position, item), effects);
}

function publicationLine(
  position: PositionArgument,
  { ts, by, k, ver, ref, del, d }: PublicationItem,
): string {
  return JSON.stringify({
    ...position,
    atMs: ts,
    by,
    key: k,
    version: ver,
    ref,
    ...(del === true ? { del } : { data: d ?? null }),
  });
}

export function takeSignals(state: TailState, { ss }: Signals, effects: TailEffect[]): Taken {
  for (const { id, by, k, d } of ss) {
    const line = JSON.stringify({ session: id, by, key: k, data: d ?? null });
    if (print(state, line, effects) === 'enough') return 'enough';
  }
  return 'on';
}

function print(state: TailState, line: string, effects: TailEffect[]): Taken {
  effects.push({ do: 'print', line });
  state.printed++;
  return state.printed === state.settings.count ? 'enough' : 'on';
}

/** Publications are missing here, and why ([REC6]). */
export function takeGap(state: TailState, { why, e, o }: Gap, effects: TailEffect[]): Taken {
  const known = knownOf(state);
  // A signal has no positions, and nothing of it comes again.
  if (known === null) return 'on';
  // Where it goes on is not said: the answer to a `sub` says it.
  if (why === 'resync' || o === undefined) return 'again';
  const to = { epoch: e ?? known.epoch, offset: o };
  if (why !== 'epoch' && to.epoch === known.epoch && to.offset <= known.offset) return 'on';
  if (why === 'conflated')
    effects.push({ do: 'tell', line: `gap (conflated): ${between(known, to)}; what comes is complete` });
  else lose(state, why, known, to, effects);
  state.place = { name: 'at', position: to };
  return 'on';
}

/** Reports publications that will not come any more. */
export function lose(
  state: TailState,
  why: string,
  from: PositionArgument | null,
  to: PositionArgument,
  effects: TailEffect[],
): void {
  state.incomplete = true;
  effects.push({ do: 'tell', line: `not recovered (${why}): ${between(from, to)}` });
}

/** The last position of which everything is known; null before the first. */
export function knownOf({ place }: TailState): PositionArgument | null {
  switch (place.name) {
    case 'start':
      return null;
    case 'open':
      return place.floor;
    case 'at':
      return place.position;
  }
}

function between(from: PositionArgument | null, to: PositionArgument): string {
  return from === null
    ? `it goes on behind ${positionText(to)}`
    : `publications behind ${positionText(from)} are missing, it goes on behind ${positionText(to)}`;
}
