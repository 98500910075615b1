import { type ReadonlySignal, signal } from '@preact/signals';
import { type Change, type Changeable, CHANGEABLE } from './friend-view.ts';

/** How long a change stays lit, ms; the animation in friends.css takes as long. */
export const HIGHLIGHT_MS = 2600;

export type Highlight = {
  /** Another one at each change, so that a second change lights up anew. */
  readonly number: number;
  readonly fields: ReadonlySet<Changeable>;
};

/** Which fields of which friends changed a moment ago. */
export type HighlightStore = {
  readonly lit: ReadonlySignal<ReadonlyMap<string, Highlight>>;
  /** Changes so far; the bell strikes at each. */
  readonly count: ReadonlySignal<number>;
  light(change: Change): void;
};

export function createHighlights(): HighlightStore {
  const lit = signal<ReadonlyMap<string, Highlight>>(new Map());
  const count = signal(0);

  return {
    lit,
    count,
    light(change) {
      count.value += 1;
      if (change.kind === 'left') return;
      const { user } = change.friend;
      const number = count.value;
      const fields = new Set<Changeable>(change.kind === 'came' ? CHANGEABLE : change.fields);
      lit.value = new Map(lit.value).set(user, { number, fields });
      setTimeout(() => {
        if (lit.value.get(user)?.number !== number) return;
        const rest = new Map(lit.value);
        rest.delete(user);
        lit.value = rest;
      }, HIGHLIGHT_MS);
    },
  };
}
