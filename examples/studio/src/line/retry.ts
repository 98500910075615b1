import type { ConnectionView } from '../session/studio-session.ts';

/** Whether the client has given up: trying again by itself would end the same way. */
export function isStopped(view: ConnectionView): boolean {
  return view.status === 'disconnected' && view.reason !== null && view.retryAtMs === null;
}

/** Whole seconds until the next attempt, rounded up; 0 when it is due, null where none is planned. */
export function secondsToRetry({ retryAtMs }: ConnectionView, nowMs: number): number | null {
  return retryAtMs === null ? null : Math.max(0, Math.ceil((retryAtMs - nowMs) / 1000));
}
