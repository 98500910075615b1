import { now } from '../page/clock.ts';
import type { ConnectionView, StudioSession } from '../session/studio-session.ts';
import { isStopped, secondsToRetry } from './retry.ts';

/** Under the masthead while the line is lost: what is on the page is old, and this is why. Nothing while all is well. */
export function LineBanner({ session }: { readonly session: StudioSession }) {
  const view = session.connection.value;
  const isCut = session.isCut.value;
  return (
    <div class="line-banner" data-lost={view.isLost ? '' : undefined}>
      <strong role="status">{view.isLost && wordsFor(view, isCut)}</strong>
      {view.isLost && (
        <>
          <span class="line-banner-next">{nextStep(view, isCut, now.value)}</span>
          <button
            type="button"
            class="small"
            disabled={!isCut && view.status === 'connecting'}
            onClick={() => (isCut ? session.setCut(false) : session.retryNow())}
          >
            {isCut ? 'Mend it' : isStopped(view) ? 'Log in again' : 'Try now'}
          </button>
        </>
      )}
    </div>
  );
}

/** Does not change from attempt to attempt: a screen reader says it once. */
function wordsFor(view: ConnectionView, isCut: boolean): string {
  if (isCut) return 'Line cut.';
  return isStopped(view) ? 'Session over.' : 'Not connected.';
}

function nextStep(view: ConnectionView, isCut: boolean, nowMs: number): string {
  if (isCut || isStopped(view)) return '';
  const seconds = secondsToRetry(view, nowMs);
  return seconds === null || seconds === 0 ? 'Trying…' : `Next attempt in ${seconds} s`;
}
