import { now } from '../page/clock.ts';
import type { WireEntry } from './wire-entry.ts';
import type { WireLog } from './wire-log.ts';

/** How far back the score goes, ms. */
const SPAN_MS = 60_000;

const WIDTH = 600;
const MIDDLE = 28;

/** Heights of a note: the smallest message, and what each doubling of its size adds. */
const LEAST_HEIGHT = 3;
const HEIGHT_PER_DOUBLING = 2.2;
const GREATEST_HEIGHT = 24;

/** The last minute as a score: what was sent stands above the line, what was received hangs below; taller is larger. */
export function WireScore({ wire }: { readonly wire: WireLog }) {
  const end = now.value;
  const notes = wire.kept.value.filter((entry) => end - entry.at < SPAN_MS);
  return (
    <figure class="wire-score" aria-hidden="true">
      <svg viewBox={`0 0 ${WIDTH} ${2 * MIDDLE}`} preserveAspectRatio="none">
        <path class="wire-score-line" d={`M0 ${MIDDLE}H${WIDTH}`} />
        {notes.map((entry) => (
          <Note key={entry.number} entry={entry} end={end} />
        ))}
      </svg>
      <figcaption>
        <span>1 min ago</span>
        <span>now</span>
      </figcaption>
    </figure>
  );
}

function Note({ entry, end }: { readonly entry: WireEntry; readonly end: number }) {
  const x = WIDTH * (1 - Math.max(0, end - entry.at) / SPAN_MS) - 2;
  const height = Math.min(
    GREATEST_HEIGHT,
    LEAST_HEIGHT + HEIGHT_PER_DOUBLING * Math.log2(1 + entry.bytes / 8),
  );
  const away = entry.direction === 'up' ? -height : height;
  return (
    <path
      class="wire-note"
      data-direction={entry.direction}
      data-type={entry.type}
      d={`M${x.toFixed(1)} ${MIDDLE}v${away.toFixed(1)}`}
    />
  );
}
