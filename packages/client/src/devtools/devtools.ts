/** A panel that shows a client from within, for developers. Loaded on demand: `await import('@carillon/client/devtools')`. */
import { CarillonError } from '../carillon-error.ts';
import { INSPECT, type Inspection, type WireListener } from '../inspection.ts';
import type { PresenceClient } from '../presence-client.ts';
import { channelsView } from './channels-view.ts';
import { connectionView } from './connection-view.ts';
import { friendsView } from './friends-view.ts';
import { outboxView } from './outbox-view.ts';
import { createPanel } from './panel.ts';
import type { AnyClient, Subject } from './view.ts';
import { DEFAULT_KEEP_BYTES, DEFAULT_KEEP_COUNT, type WireLogSettings, createWireLog } from './wire-log.ts';
import { wireView } from './wire-view.ts';

export type DevtoolsOptions = {
  /** Messages that the wire log keeps; absent: 1,000. */
  readonly keepCount?: number | undefined;
  /** The bytes of their texts; absent: 1 MiB. */
  readonly keepBytes?: number | undefined;
};

/** A panel that is open. */
export type Devtools = {
  /** Removes the panel, and every listener that it has at the client. */
  close(): void;
};

/** The one panel of the page. */
let open: { readonly client: object; readonly devtools: Devtools } | null = null;

/**
 * Opens the panel at the foot of the page. The wire log begins now; login and resume tokens, grants and tickets are not kept
 * in it. A page has one panel: that of another client is closed.
 *
 * @returns the panel that is open already, where it is this client's
 * @throws CarillonError `options_invalid` where this is no client of Carillon, or a limit is less than one
 */
export function openDevtools(client: PresenceClient<never>, options: DevtoolsOptions = {}): Devtools {
  if (open?.client === client) return open.devtools;
  const { keepCount = DEFAULT_KEEP_COUNT, keepBytes = DEFAULT_KEEP_BYTES } = options;
  const inspection = (client as Partial<Record<typeof INSPECT, Inspection>>)[INSPECT];
  if (inspection === undefined) throw new CarillonError('options_invalid', 'client');
  if (!(keepCount >= 1 && keepBytes >= 1)) throw new CarillonError('options_invalid', 'keepCount, keepBytes');
  open?.devtools.close();
  const devtools = openPanel(client, inspection, { keepCount, keepBytes }, () => {
    if (open?.devtools === devtools) open = null;
  });
  open = { client, devtools };
  return devtools;
}

/** Opens the client's panel, or closes it where it is open: for a keyboard shortcut. See `openDevtools`. */
export function toggleDevtools(client: PresenceClient<never>, options?: DevtoolsOptions): void {
  if (open?.client === client) open.devtools.close();
  else openDevtools(client, options);
}

function openPanel(
  client: AnyClient,
  inspection: Inspection,
  limits: Pick<WireLogSettings, 'keepCount' | 'keepBytes'>,
  onClose: () => void,
): Devtools {
  const { nowMs } = inspection;
  const log = createWireLog({ ...limits, nowMs, wallMs: () => Date.now() });
  let droppedAtMs: number | null = null;
  let wasConnected = client.connection.status === 'connected';

  function onConnection(): void {
    const isConnected = client.connection.status === 'connected';
    if (isConnected) droppedAtMs = null;
    else if (wasConnected) droppedAtMs = nowMs();
    wasConnected = isConnected;
    refresh();
  }

  const onWire: WireListener = (direction, text) => {
    log.add(direction, text);
    refresh();
  };

  const subject: Subject = { client, inspection, log, droppedAtMs: () => droppedAtMs };
  const views = [connectionView, channelsView, outboxView, friendsView, wireView];
  const panel = createPanel(
    subject,
    views.map((view) => view(subject)),
    close,
  );
  const refresh = (): void => panel.refresh();
  const offs = [
    client.onConnection(onConnection),
    client.presence.subscribe(refresh),
    client.outbox?.onChange(refresh),
  ];
  inspection.wire.add(onWire);

  function close(): void {
    if (!inspection.wire.delete(onWire)) return;
    for (const off of offs) off?.();
    panel.remove();
    onClose();
  }

  return { close };
}
