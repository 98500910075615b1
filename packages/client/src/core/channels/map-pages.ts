import { MAX_PAGE_SIZE, type Ok, type Page } from '@carillon/protocol';
import { enqueue } from './lanes.ts';
import { list } from './list.ts';
import type { Machine } from './machine.ts';
import { type MapChange, type MapView, endSnapshot, putEntry } from './map-view.ts';
import { takeRefusal } from './phases.ts';
import type { Subscription } from './subscription.ts';
import { tellState } from './telling.ts';

/** Asks for the page that the snapshot goes on with. Publications may come before it and behind it ([MAP2]). */
export function readNextPage(machine: Machine, subscription: Subscription, view: MapView): void {
  const { attempt, channel } = subscription;
  const { next } = view;
  // Each snapshot begins with an attempt of its own.
  const isWanted = (): boolean => subscription.attempt === attempt;
  enqueue(machine, machine.requests, {
    text(_, i) {
      const message: Page = { t: 'page', i, c: channel, k: next, n: MAX_PAGE_SIZE };
      return isWanted() ? JSON.stringify(message) : null;
    },
    onOk: (on, reply) => (isWanted() ? takePage(on, subscription, view, reply) : undefined),
    onErr: (on, reply) => (isWanted() ? takeRefusal(on, subscription, reply) : undefined),
  });
}

/** Applies a page, of a `page` or of a `sub`, and asks for the one behind it. */
export function takePage(
  machine: Machine,
  subscription: Subscription,
  view: MapView,
  { e, es, next }: Ok,
): void {
  const { channel, place } = subscription;
  // Of another incarnation of the channel: the `gap` that says so is on its way, and reads the map anew.
  if (place.name !== 'at' || e !== place.epoch) return;
  const changes: MapChange[] = [];
  for (const item of list(es)) putEntry(view, item, changes);
  view.next = next;
  if (next === undefined) endSnapshot(view, changes);
  if (changes.length > 0) machine.effects.push({ do: 'changes', channel, changes });
  if (next !== undefined) return readNextPage(machine, subscription, view);
  machine.effects.push({ do: 'complete', channel });
  tellState(machine, subscription);
}
