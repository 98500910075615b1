import type { StudioSession } from '../session/studio-session.ts';

/** The state of the connection in the masthead, where it is always in sight; leads to the panel that says more. */
export function LineLink({ session }: { readonly session: StudioSession }) {
  const { status } = session.connection.value;
  const word = session.isCut.value ? 'cut' : status;
  return (
    <a class="line-link" href="#line" data-state={status} title="To the line">
      <span class="line-dot" aria-hidden="true" />
      <span class="unseen">Line: </span>
      {word}
    </a>
  );
}
