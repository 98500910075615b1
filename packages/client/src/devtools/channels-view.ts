import type { Channel } from '../channels/channel.ts';
import type { ChannelKind } from '../core/channels/channel-events.ts';
import { type Subscription, knownOf } from '../core/channels/subscription.ts';
import { createRows, make, say } from './elements.ts';
import type { Subject, View } from './view.ts';
import { countText, valueText } from './words.ts';

/** Entries and signals of a channel that are shown, at most. */
const MOST_SHOWN = 100;

/** Members that are asked for, at most. */
const MOST_MEMBERS = 100;

/** What the client is subscribed to, and what it holds of it. */
export function channelsView(subject: Subject): View {
  const { inspection } = subject;
  const list = make('ul', { class: 'rows' });
  const none = make('p', { class: 'none' }, 'No subscriptions.');
  const rows = createRows<Subscription>(
    list,
    ({ channel }) => channel,
    ({ channel }) => channelRow(subject, channel),
  );
  const all = (): readonly Subscription[] => [...(inspection.machine?.().subscriptions.values() ?? [])];
  return {
    title: 'Channels',
    element: make('div', {}, none, list),
    badge: () => String(all().length),
    update() {
      const subscriptions = all();
      none.hidden = subscriptions.length > 0;
      rows.show(subscriptions);
    },
  };
}

function channelRow({ client, inspection }: Subject, channel: string) {
  let latest: Subscription | null = null;
  const facts = make('span', { class: 'facts' });
  const state = make('span', { class: 'state' });
  const detail = make('p', { class: 'hint' });
  const held = make('ul', { class: 'held' });
  const members = make('p', { class: 'hint' });
  const ask = make('button', { type: 'button', onClick: () => void listMembers() }, 'List members');
  const body = make('div', { class: 'body' }, detail, make('div', { class: 'tools' }, ask), members, held);
  const opener = make('details', {}, make('summary', {}, make('b', {}, channel), state, facts), body);
  opener.addEventListener('toggle', () => latest !== null && update(latest));

  async function listMembers(): Promise<void> {
    const kind = latest?.kind;
    if (!kind) return;
    // A name is a pattern without parameters.
    const handle = (client as unknown as Record<ChannelKind, (name: string) => Channel>)[kind](channel);
    try {
      const { ids, count } = await handle.members({ limit: MOST_MEMBERS });
      say(members, `${countText(count, 'member')}: ${ids.join(', ')}${count > ids.length ? ', …' : ''}`);
    } catch (error) {
      say(members, String(error));
    }
  }

  function update(subscription: Subscription): void {
    latest = subscription;
    const { kind } = subscription;
    const { status, code } = subscription.told;
    say(state, code === null ? status : `${status}: ${code}`);
    state.dataset['state'] = status;
    const usage = inspection.usage?.(channel);
    const position = knownOf(subscription);
    const lines = heldBy(subscription, usage?.latest);
    say(
      facts,
      [
        kind ?? '?',
        position === null ? 'no position' : `at ${position.offset} of ${position.epoch}`,
        subscription.count === null ? null : countText(subscription.count, 'member'),
        heldText(kind, lines.length),
      ]
        .filter((fact) => fact !== null)
        .join(' · '),
    );
    if (!opener.open) return;
    const listeners = [...(usage?.listeners ?? [])].map(([what, { size }]) => `${what} ${size}`);
    say(
      detail,
      [
        subscription.told.detail,
        `Wanted by ${countText(usage?.wanted ?? 0, 'part')} of the app.`,
        listeners.length === 0 ? 'No listeners.' : `Listeners: ${listeners.join(', ')}.`,
        subscription.phase.name === 'live' && subscription.until > 0
          ? `Replay up to ${subscription.until}.`
          : '',
      ]
        .filter((sentence) => sentence !== '')
        .join(' '),
    );
    ask.hidden = subscription.count === null;
    const texts = lines.slice(0, MOST_SHOWN).map((line) => line());
    if (lines.length > MOST_SHOWN) texts.push(`… and ${lines.length - MOST_SHOWN} more`);
    // What did not change stays, so that it can be selected.
    texts.forEach((text, index) => say((held.children[index] ?? add(held)) as HTMLElement, text));
    while (held.children.length > texts.length) held.lastElementChild?.remove();
  }

  return { element: make('li', {}, opener), update };
}

function add(list: HTMLElement): HTMLElement {
  return list.appendChild(make('li'));
}

type Latest = ReadonlyMap<
  string,
  { readonly by: string | null; readonly key: string | null; readonly data: unknown }
>;

/** What is held, a line each, written only where it is looked at. */
function heldBy({ kind, view }: Subscription, latest: Latest = new Map()): readonly (() => string)[] {
  if (kind === 'map')
    return [...(view?.entries.values() ?? [])].map(
      ({ key, value, offset }) =>
        () =>
          `${key} = ${valueText(value)} (at ${offset})`,
    );
  return [...latest.values()].map(
    ({ by, key, data }) =>
      () =>
        `${by ?? 'the server'}${key === null ? '' : ` ${key}`}: ${valueText(data)}`,
  );
}

function heldText(kind: ChannelKind | null, held: number): string | null {
  switch (kind) {
    case 'map':
      return countText(held, 'entry', 'entries');
    case 'signal':
      return countText(held, 'signal');
    case 'stream':
    case null:
      // The app holds what it was told.
      return null;
  }
}
