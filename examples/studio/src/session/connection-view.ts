import type { ConnectionChange } from '@carillon/client';
import { type ReadonlySignal, signal } from '@preact/signals';
import type { ConnectionView } from './studio-session.ts';

/** Follows the client's status, and reads off the wire what the client keeps to itself. */
export type ConnectionViewer = {
  readonly view: ReadonlySignal<ConnectionView>;
  /** A message from the server. */
  heard(text: string): void;
  /** @param nowMs ms since the epoch */
  changed(change: ConnectionChange, session: string | null, nowMs: number): void;
};

const AT_FIRST: ConnectionView = {
  status: 'disconnected',
  session: null,
  resumed: false,
  graceMs: null,
  droppedAtMs: null,
  retryAtMs: null,
  reason: null,
};

export function createConnectionView(): ConnectionViewer {
  const view = signal(AT_FIRST);
  return {
    view,
    heard(text) {
      // Cheaper than parsing every message, and a message that merely contains it is weeded out below.
      if (!text.includes('"graceMs"')) return;
      const grant = grantIn(text);
      if (grant !== null) view.value = { ...view.value, ...grant };
    },
    changed({ status, reason, retryInMs }, session, nowMs) {
      const { droppedAtMs, status: before } = view.value;
      const wasDropped = before === 'connected' && status !== 'connected';
      view.value = {
        ...view.value,
        status,
        session: session ?? view.value.session,
        reason: status === 'disconnected' ? reason : null,
        droppedAtMs: status === 'connected' ? null : wasDropped ? nowMs : droppedAtMs,
        retryAtMs: retryInMs === null ? null : nowMs + retryInMs,
      };
    },
  };
}

/** What a `token` message says about the session. */
function grantIn(text: string): Pick<ConnectionView, 'resumed' | 'graceMs'> | null {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    // Not a message; the client answers for that.
    return null;
  }
  if (typeof message !== 'object' || message === null || !('t' in message) || message.t !== 'token')
    return null;
  const resumed = 'resumed' in message && message.resumed === true;
  const graceMs = 'graceMs' in message && typeof message.graceMs === 'number' ? message.graceMs : null;
  return { resumed, graceMs };
}
