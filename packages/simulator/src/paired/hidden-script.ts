import type { SimClient } from '../clients/sim-client.ts';
import { createRandom } from '../random.ts';

/** What a user who is out of sight does; `vanish` is the moment at which they go. */
export type HiddenAct =
  /** Before they are out of sight. */
  | { readonly kind: 'arrive' }
  | { readonly kind: 'come' }
  | { readonly kind: 'show'; readonly a: string }
  | { readonly kind: 'vanish' }
  | { readonly kind: 'edit'; readonly a: string }
  | { readonly kind: 'cut' }
  | { readonly kind: 'leave' }
  | { readonly kind: 'logOut' };

const ACTIVITIES = ['', 'Coding', 'Review', 'nobody may know'];

/** The acts by the index of the event they follow. */
export function writeHiddenScript(
  seed: string,
  form: 'absent' | 'logged out',
  length: number,
): readonly (HiddenAct | undefined)[] {
  const random = createRandom(`${seed}/hidden`);
  const vanishAt = form === 'absent' ? 0 : Math.floor(length / 3);
  return Array.from({ length }, (_, index): HiddenAct | undefined => {
    const a = random.pick(ACTIVITIES);
    const act = random.pick(['edit', 'edit', 'cut', 'leave', 'come', 'come', 'logOut'] as const);
    if (index === vanishAt) return { kind: 'vanish' };
    if (index < vanishAt) {
      if (index === 2) return { kind: 'arrive' };
      // Quiet before the moment: what is still being merged would differ in time, not in kind.
      return index > 2 && index < vanishAt - 5 && random.chance(0.3) ? { kind: 'show', a } : undefined;
    }
    if (!random.chance(0.4)) return undefined;
    return act === 'edit' ? { kind: 'edit', a } : { kind: act };
  });
}

/** @param invisible whether this is the run in which the user is there, or the one in which they are not */
export function performHidden(
  own: SimClient,
  act: HiddenAct,
  form: 'absent' | 'logged out',
  invisible: boolean,
): void {
  switch (act.kind) {
    case 'show':
      return own.set({ s: 'Busy', a: act.a });
    case 'vanish':
      if (invisible) {
        own.set({ s: 'Invisible' });
        own.come();
      } else if (form === 'logged out') own.logOut();
      return;
    case 'arrive':
      return own.come();
    case 'come':
      if (!invisible) return;
      own.come();
      // After a logout the page knows no more what the user wants.
      return own.set({ s: 'Invisible' });
    case 'edit':
      if (invisible) own.set({ a: act.a });
      return;
    case 'cut':
      if (invisible) own.line?.cut();
      return;
    case 'leave':
      if (invisible) own.leave();
      return;
    case 'logOut':
      if (invisible) own.logOut();
  }
}
