import { make, say } from './elements.ts';
import { STYLES } from './styles.ts';
import type { Subject, View } from './view.ts';

/** The panel in its page. */
export type Panel = {
  /** Something happened: what is looked at is shown anew soon. */
  refresh(): void;
  remove(): void;
};

/** How often what is looked at is shown anew at most, ms: a channel may bring thousands of messages a second. */
const REFRESH_MS = 100;

/** How often it is shown anew though nothing happened, ms: for what counts down. */
const TICK_MS = 1_000;

export function createPanel({ client }: Subject, views: readonly View[], close: () => void): Panel {
  const host = document.createElement('carillon-devtools');
  // An app that chooses no scheme is light because it never thought of it; whoever opens this panel may have chosen.
  if (getComputedStyle(document.documentElement).colorScheme === 'normal')
    host.style.colorScheme = 'light dark';
  const root = host.attachShadow({ mode: 'open' });
  // Made by script: a policy without 'unsafe-inline' forbids a style element.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLES);
  root.adoptedStyleSheets = [sheet];

  const tabs = views.map((view, index) => {
    const badge = make('span');
    const tab = make(
      'button',
      {
        type: 'button',
        role: 'tab',
        id: `tab-${index}`,
        'aria-controls': 'page',
        onClick: () => select(index),
      },
      view.title,
      badge,
    );
    return { view, tab, badge };
  });
  const page = make('div', { role: 'tabpanel', id: 'page', tabindex: '0' });
  const who = make('span');
  const section = make(
    'section',
    { 'aria-label': 'Carillon devtools' },
    make(
      'header',
      {},
      make('h2', {}, 'Carillon', who),
      make('div', { role: 'tablist', 'aria-label': 'Devtools' }, ...tabs.map(({ tab }) => tab)),
      make('button', { type: 'button', class: 'close', 'aria-label': 'Close devtools', onClick: close }, '×'),
    ),
    page,
  );
  section.addEventListener('keydown', onKey);
  root.append(section);

  let selected = 0;
  let soon: ReturnType<typeof setTimeout> | null = null;

  function select(index: number): void {
    const chosen = tabs[index];
    if (chosen === undefined) return;
    selected = index;
    for (const { tab } of tabs) {
      tab.setAttribute('aria-selected', String(tab === chosen.tab));
      // One stop for the whole list; arrows move within it.
      tab.tabIndex = tab === chosen.tab ? 0 : -1;
    }
    page.setAttribute('aria-labelledby', chosen.tab.id);
    page.replaceChildren(chosen.view.element);
    show();
  }

  function show(): void {
    const { status } = client.connection;
    section.dataset['status'] = status;
    say(who, `${client.username}, ${status}`);
    for (const { view, badge } of tabs) say(badge, view.badge());
    tabs[selected]?.view.update();
  }

  function onKey(event: KeyboardEvent): void {
    // The app's own shortcuts are not meant by whoever types here.
    event.stopPropagation();
    if (event.key === 'Escape') return close();
    if (!(event.target as Element).matches('[role=tab]')) return;
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -selected, End: tabs.length - 1 - selected }[
      event.key
    ];
    if (step === undefined) return;
    event.preventDefault();
    select((selected + step + tabs.length) % tabs.length);
    tabs[selected]?.tab.focus();
  }

  function refresh(): void {
    soon ??= setTimeout(() => {
      soon = null;
      show();
    }, REFRESH_MS);
  }

  const before = document.activeElement;
  document.body.append(host);
  select(0);
  tabs[0]?.tab.focus();
  const tick = setInterval(refresh, TICK_MS);
  return {
    refresh,
    remove() {
      clearInterval(tick);
      if (soon !== null) clearTimeout(soon);
      const hadFocus = root.activeElement !== null;
      host.remove();
      if (hadFocus && before instanceof HTMLElement) before.focus();
    },
  };
}
