import type { Friend } from '../core/friends.ts';
import { createRows, make, say } from './elements.ts';
import type { Subject, View } from './view.ts';

/** The friends as the client knows them, and what the user is to be seen as. */
export function friendsView({ client }: Subject): View {
  const own = make('p', { class: 'hint' });
  const none = make('p', { class: 'none' }, 'No friends.');
  const list = make('ul', { class: 'rows' });
  const rows = createRows<Friend<never>>(list, ({ id }) => id, friendRow);
  return {
    title: 'Friends',
    element: make('div', {}, own, none, list),
    badge: () => String(client.presence.size),
    update() {
      const { status, ...fields } = client.own as { readonly status?: string };
      say(own, `You: ${status ?? 'Online'} ${fieldsText(fields)}`);
      none.hidden = client.presence.size > 0;
      rows.show(client.presence);
    },
  };
}

function friendRow({ id }: Friend<never>) {
  const state = make('span', { class: 'state' });
  const facts = make('span', { class: 'facts' });
  return {
    element: make('li', { class: 'entry' }, make('b', {}, id), state, facts),
    update({ id: _, status, lastSeen, ...fields }: Friend<never>) {
      say(state, status);
      state.dataset['state'] = status;
      const seen = lastSeen === null ? '' : `last seen ${new Date(lastSeen).toLocaleString()} `;
      say(facts, seen + fieldsText(fields));
    },
  };
}

function fieldsText(fields: object): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}`)
    .join(' · ');
}
