import type { StudioSession } from '../session/studio-session.ts';
import { REGIONS } from './panels.ts';

/** On a phone the panels stand below each other, and this leads to each; a wider screen shows them all. */
export function JumpBar({ session }: { readonly session: StudioSession }) {
  return (
    <nav class="jump-bar" aria-label="Panels">
      {REGIONS.flatMap(({ panels }) => panels).map(({ id, title }) => (
        <a key={id} href={`#${id}`} data-state={session.connection.value.status}>
          {id === 'line' && <span class="line-dot" aria-hidden="true" />}
          {title}
        </a>
      ))}
    </nav>
  );
}
