import type { ConnectionChange } from '@carillon/client';
import { type ReadonlySignal, signal } from '@preact/signals';
import type { ConnectionView } from './studio-session.ts';

/** Follows the client's status, and reads off the wire what the client keeps to itself. */
export type ConnectionViewer = {
  readonly view: ReadonlySignal<ConnectionView>;
  /**
   * A message from the server.
   *
   * @param nowMs ms since the epoch
   */
  heard(text: string, nowMs: number): void;
  /** @param nowMs ms since the epoch */
  changed(change: ConnectionChange, session: string | null, nowMs: number): void;
};

const AT_FIRST: ConnectionView = {
  status: 'disconnected',
  transport: null,
  session: null,
  resumed: false,
  graceMs: null,
  isLost: false,
  droppedAtMs: null,
  asOfMs: null,
  lastDrop: null,
  retryAtMs: null,
  reason: null,
};

export function createConnectionView(): ConnectionViewer {
  const view = signal(AT_FIRST);
  let heardAtMs: number | null = null;
  return {
    view,
    heard(text, nowMs) {
      heardAtMs = nowMs;
      // Cheaper than parsing every message, and a message that merely contains it is weeded out below.
      if (!text.includes('"graceMs"')) return;
      const grant = grantIn(text);
      if (grant !== null) view.value = { ...view.value, ...grant };
    },
    changed({ status, transport, reason, retryInMs }, session, nowMs) {
      const { status: before, isLost, droppedAtMs, asOfMs, lastDrop } = view.value;
      const isConnected = status === 'connected';
      const wasDropped = before === 'connected' && !isConnected;
      view.value = {
        ...view.value,
        status,
        transport: transport ?? null,
        session: session ?? view.value.session,
        reason: status === 'disconnected' ? reason : null,
        isLost: !isConnected && (isLost || reason !== null),
        droppedAtMs: isConnected ? null : wasDropped ? nowMs : droppedAtMs,
        asOfMs: isConnected ? null : wasDropped ? heardAtMs : asOfMs,
        lastDrop: wasDropped ? { atMs: nowMs, reason } : lastDrop,
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
