import { signal } from '@preact/signals';

/** How often the page looks at the time, ms: what it counts down and "3 min ago" need no more. */
const TICK_MS = 1000;

const time = signal(Date.now());

/** The time, ms since the epoch, once a second; hidden tabs may see it move in leaps. */
export const now = time as { readonly value: number };

/** Begins to follow the time; call once. */
export function startClock(): void {
  setInterval(() => {
    time.value = Date.now();
  }, TICK_MS);
}
