import { CarillonError } from '../carillon-error.ts';
import type { ChannelKind } from '../core/channels/channel-events.ts';

type Handle = { readonly kind: ChannelKind };

/** Dead references are looked for once there are so many, and then at each doubling. */
const FIRST_SWEEP = 100;

/**
 * One handle for each channel, so that an app which asks twice has the same object; as long as the app holds it, and no
 * longer, for an app may look at many channels in its life.
 */
export type Handles = {
  /** @throws CarillonError `kind_mismatch` where the channel has a handle of another kind */
  of<T extends Handle>(channel: string, kind: T['kind'], make: () => T): T;
};

export function createHandles(): Handles {
  const handles = new Map<string, WeakRef<Handle>>();
  let sweepAt = FIRST_SWEEP;
  return {
    of<T extends Handle>(channel: string, kind: T['kind'], make: () => T): T {
      const known = handles.get(channel)?.deref();
      // Handles of a kind are made in one place.
      if (known?.kind === kind) return known as T;
      if (known !== undefined) throw new CarillonError('kind_mismatch', `${channel} is a ${known.kind}`);
      if (handles.size >= sweepAt) {
        for (const [name, reference] of handles) if (reference.deref() === undefined) handles.delete(name);
        sweepAt = handles.size * 2 + FIRST_SWEEP;
      }
      const made = make();
      handles.set(channel, new WeakRef(made));
      return made;
    },
  };
}
