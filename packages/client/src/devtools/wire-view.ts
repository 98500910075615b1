import { make, say } from './elements.ts';
import type { Subject, View } from './view.ts';
import type { WireEntry } from './wire-log.ts';
import { clockText, sizeText, spanText } from './words.ts';

/** Messages that stand in the page, at most: the rest is found by a filter. */
const MOST_SHOWN = 300;

/** The wire log, newest first. */
export function wireView({ log }: Subject): View {
  const list = make('ol', { class: 'wire', reversed: '' });
  const foot = make('p', { class: 'hint' });
  const types = make(
    'select',
    { 'aria-label': 'Type of message' },
    make('option', { value: '' }, 'All types'),
  );
  const search = make('input', {
    type: 'search',
    placeholder: 'Channel or text',
    'aria-label': 'Channel or text',
  });
  const heartbeats = make('input', { type: 'checkbox' });
  const pause = make('button', { type: 'button', 'aria-pressed': 'false', onClick: switchPause }, 'Pause');
  const clear = make('button', { type: 'button', onClick: forget }, 'Clear');
  const known = new Set<string>();
  /** What is shown while paused; null: what is kept. */
  let frozen: readonly WireEntry[] | null = null;
  let shown: readonly WireEntry[] = [];
  let asked = '';

  function switchPause(): void {
    frozen = frozen === null ? [...log.entries] : null;
    pause.setAttribute('aria-pressed', String(frozen !== null));
    update();
  }

  function forget(): void {
    log.clear();
    if (frozen !== null) frozen = [];
    update();
  }

  function wanted({ type, channel, text }: WireEntry): boolean {
    if (types.value !== '' ? type !== types.value : type === 'hb' && !heartbeats.checked) return false;
    const sought = search.value.trim().toLowerCase();
    return (
      sought === '' || channel?.toLowerCase().includes(sought) === true || text.toLowerCase().includes(sought)
    );
  }

  function update(): void {
    const source = frozen ?? log.entries;
    for (const { type } of source) {
      if (known.has(type)) continue;
      known.add(type);
      types.append(make('option', { value: type }, type));
    }
    const question = JSON.stringify([types.value, search.value, heartbeats.checked]);
    const matching = source.filter(wanted);
    const next = matching.slice(-MOST_SHOWN);
    // Rows that stay are not touched: one may be open, or be read aloud.
    const newest = question === asked ? (shown.at(-1)?.number ?? 0) : 0;
    if (newest === 0) list.replaceChildren();
    asked = question;
    for (const entry of next) if (entry.number > newest) list.prepend(row(entry));
    while (list.children.length > next.length) list.lastElementChild?.remove();
    shown = next;
    const of = matching.length > next.length ? ` of ${matching.length} that fit` : '';
    say(
      foot,
      `${next.length} shown${of}, ${source.length} kept. Sizes are UTF-8 bytes of the text. Tokens and grants are not kept.`,
    );
  }

  for (const field of [types, search, heartbeats]) field.addEventListener('input', update);
  return {
    title: 'Wire',
    element: make(
      'div',
      {},
      make(
        'div',
        { class: 'tools' },
        types,
        search,
        make('label', {}, heartbeats, 'Heartbeats'),
        pause,
        clear,
      ),
      list,
      foot,
    ),
    badge: () => String(log.entries.length),
    update,
  };
}

function row(entry: WireEntry): HTMLElement {
  const { direction, type, channel, bytes, atMs, answer, text } = entry;
  const whole = make('pre');
  const opener = make(
    'details',
    {},
    make(
      'summary',
      {},
      make(
        'span',
        { class: 'way', role: 'img', 'aria-label': direction === 'up' ? 'sent' : 'received' },
        direction === 'up' ? '↑' : '↓',
      ),
      make('time', {}, clockText(atMs)),
      make('b', {}, type),
      make('span', { class: 'channel' }, channel ?? ''),
      make('span', { class: 'facts' }, answer === null ? '' : `${answer.type} ${spanText(answer.tripMs)}`),
      make('span', { class: 'size' }, sizeText(bytes)),
      make('code', {}, text.slice(0, 300)),
    ),
    whole,
  );
  opener.addEventListener('toggle', () => say(whole, opener.open ? pretty(text) : ''));
  return make('li', { 'data-way': direction, 'data-type': type }, opener);
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // It was cut, or is no JSON.
    return text;
  }
}
