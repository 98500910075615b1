import type { WireEntry } from './wire-entry.ts';

const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});

/** Can be scrolled by keyboard, hence the tab stop; single messages are none. */
export function WireMessages({ entries }: { readonly entries: readonly WireEntry[] }) {
  return (
    <ol class="wire-messages" tabIndex={0} aria-label="Messages, newest first">
      {entries.length === 0 && <li class="hint">Nothing yet.</li>}
      {entries.toReversed().map((entry) => (
        <WireMessage key={entry.number} entry={entry} />
      ))}
    </ol>
  );
}

function WireMessage({ entry }: { readonly entry: WireEntry }) {
  return (
    <li
      class="wire-message"
      data-direction={entry.direction}
      data-type={entry.type}
      data-number={entry.number}
    >
      <span class="wire-way" aria-hidden="true">
        {entry.direction === 'up' ? '↑' : '↓'}
      </span>
      <span class="unseen">{entry.direction === 'up' ? 'sent' : 'received'}</span>
      <span class="wire-type">{entry.type}</span>
      <time class="wire-time">{clock.format(entry.at)}</time>
      <span class="wire-bytes">{entry.bytes} B</span>
      <code class="wire-text">{entry.text}</code>
    </li>
  );
}
