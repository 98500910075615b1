import type { Outbox, OutboxEntry } from '../outbox/outbox-part.ts';
import { createRows, make, say } from './elements.ts';
import type { Subject, View } from './view.ts';
import { spanText, valueText } from './words.ts';

/** What the user did and the server has not confirmed. */
export function outboxView({ client }: Subject): View {
  const hint = make('p', { class: 'hint' });
  const list = make('ul', { class: 'rows' });
  const rows = createRows<OutboxEntry>(
    list,
    ({ number }) => String(number),
    ({ number }) => entryRow(client.outbox ?? null, number),
  );
  return {
    title: 'Outbox',
    element: make('div', {}, hint, list),
    badge: () => (client.outbox ? String(client.outbox.entries().length) : ''),
    update() {
      const { outbox } = client;
      if (!outbox)
        return say(hint, 'This client has no outbox: what waits for the server ends with the page.');
      const kept = outbox.durable ? 'Outlives the page.' : 'Does not outlive the page.';
      say(hint, `${kept} ${outbox.waiting} waiting for the server.`);
      rows.show(outbox.entries());
    },
  };
}

function entryRow(outbox: Outbox | null, number: number) {
  const what = make('b');
  const state = make('span', { class: 'state' });
  const facts = make('span', { class: 'facts' });
  const data = make('code');
  const cancel = make('button', { type: 'button', onClick: () => void outbox?.cancel({ number }) }, 'Cancel');
  const dismiss = make('button', { type: 'button', onClick: () => outbox?.dismiss({ number }) }, 'Dismiss');
  return {
    element: make('li', { class: 'entry' }, what, state, facts, cancel, dismiss, data),
    update(entry: OutboxEntry) {
      const place = entry.key === null ? entry.channel : `${entry.channel} ${entry.key}`;
      say(what, `${number} ${entry.call === null ? place : `call ${entry.call}`}`);
      say(state, entry.state);
      state.dataset['state'] = entry.state;
      say(facts, [`${spanText(Date.now() - entry.createdAtMs)} old`, entry.error?.message].join(' '));
      say(data, valueText(entry.data));
      cancel.hidden = entry.state !== 'queued';
      dismiss.hidden = entry.state !== 'rejected' && entry.state !== 'unknown';
    },
  };
}
