import { make, say } from './elements.ts';
import type { Subject, View } from './view.ts';
import { countText, sizeText, spanText } from './words.ts';

/** The connection, its session, and how the line does. */
export function connectionView(subject: Subject): View {
  const { client, inspection, log } = subject;
  const { machine } = inspection;

  function live() {
    const { phase } = inspection.state();
    return phase.name === 'live' ? phase : null;
  }

  let graceMs: number | null = null;

  const rows: readonly (readonly [title: string, text: () => string])[] = [
    ['Status', () => client.connection.status],
    ['Transport', () => client.connection.transport ?? '–'],
    ['Reason', () => client.connection.reason ?? '–'],
    ['Next attempt', nextAttempt],
    ['Since', () => `${spanText(sinceMs())} ago`],
    ['User', () => client.username],
    ['Device', () => inspection.state().settings.device ?? 'none: each session is one'],
    ['Session', () => client.session ?? 'none'],
    ['Grace', grace],
    ['Heartbeats', heartbeats],
    ['Round trip', roundTrip],
    ['Waiting', waiting],
    ['Sent', () => `${countText(log.up.messages, 'message')}, ${sizeText(log.up.bytes)}`],
    ['Received', () => `${countText(log.down.messages, 'message')}, ${sizeText(log.down.bytes)}`],
  ];

  function sinceMs(): number {
    return inspection.nowMs() - inspection.changedAtMs();
  }

  function nextAttempt(): string {
    const { retryInMs, status } = client.connection;
    if (retryInMs !== null) return `in ${spanText(Math.max(0, retryInMs - sinceMs()))}`;
    return status === 'disconnected' ? 'none: the app must connect' : '–';
  }

  function grace(): string {
    graceMs = live()?.graceMs ?? graceMs;
    if (client.session === null || graceMs === null) return '–';
    const dropped = subject.droppedAtMs();
    if (dropped === null) return spanText(graceMs);
    const leftMs = dropped + graceMs - inspection.nowMs();
    return leftMs > 0 ? `${spanText(graceMs)}, ${spanText(leftMs)} left` : `${spanText(graceMs)}, over`;
  }

  function heartbeats(): string {
    const phase = live();
    if (phase === null) return '–';
    return `every ${spanText(phase.hbMs)}, last heard ${spanText(inspection.nowMs() - phase.heardMs)} ago`;
  }

  function roundTrip(): string {
    const seen = log.trips.seen();
    return seen === null ? 'not seen yet' : `${spanText(seen.lastMs)}, median ${spanText(seen.medianMs)}`;
  }

  function waiting(): string {
    if (machine === undefined) return '–';
    const { queuedCount, queuedBytes, flights } = machine();
    return `${queuedCount} queued (${sizeText(queuedBytes)}), ${flights.size} unanswered`;
  }

  const shown = rows.map(([title, text]) => ({ title, text, place: make('dd') }));
  const measure = make('button', { type: 'button', onClick: () => inspection.probe() }, 'Measure round trip');
  const connect = make('button', { type: 'button', onClick: () => client.connect() }, 'Connect now');
  const disconnect = make('button', { type: 'button', onClick: () => client.disconnect() }, 'Disconnect');
  return {
    title: 'Connection',
    element: make(
      'div',
      {},
      make('div', { class: 'tools' }, measure, connect, disconnect),
      make('dl', {}, ...shown.map(({ title, place }) => make('div', {}, make('dt', {}, title), place))),
    ),
    badge: () => '',
    update() {
      for (const { place, text } of shown) say(place, text());
      const { status } = client.connection;
      measure.disabled = status !== 'connected';
      connect.disabled = status !== 'disconnected';
    },
  };
}
