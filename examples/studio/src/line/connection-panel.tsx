import { useComputed } from '@preact/signals';
import { now } from '../page/clock.ts';
import { Panel } from '../page/panel.tsx';
import type { ConnectionView, StudioSession } from '../session/studio-session.ts';
import { LineDrawing } from './line-drawing.tsx';

/** The connection: how it stands, the session behind it, and the scissors. */
export function ConnectionPanel({ session }: { readonly session: StudioSession }) {
  const view = session.connection.value;
  const isCut = session.isCut.value;
  const retry = useComputed(() => secondsUntil(session.connection.value.retryAtMs, now.value)).value;

  return (
    <Panel
      id="line"
      title="Line"
      aside={
        <span class="line-state" data-state={view.status}>
          {view.status}
        </span>
      }
    >
      <LineDrawing status={view.status} isCut={isCut} />
      <div class="line-switch">
        <button
          type="button"
          role="switch"
          aria-checked={!isCut}
          aria-describedby="line-effect"
          class="switch"
          onClick={() => session.setCut(!isCut)}
        >
          <span class="switch-track" aria-hidden="true" />
          Line to the server
          <span class="switch-word">{isCut ? 'cut' : 'up'}</span>
        </button>
      </div>
      <p class="hint" id="line-effect">
        {effectOf(view, isCut, now.value)}
      </p>
      <dl class="facts">
        <dt>Session</dt>
        <dd>
          {view.session === null ? 'none yet' : <code data-session={view.session}>{view.session}</code>}
        </dd>
        <dt>Last login</dt>
        <dd>{view.session === null ? 'none yet' : view.resumed ? 'resumed' : 'fresh'}</dd>
        <dt>Next attempt</dt>
        <dd class="line-retry">
          {retry === null ? '–' : retry === 0 ? 'now' : `in ${retry} s`}
          {view.status === 'disconnected' && !isCut && (
            <button type="button" class="small" onClick={() => session.retryNow()}>
              {isStopped(view) ? 'Log in again' : 'Try now'}
            </button>
          )}
        </dd>
        <dt>Last drop</dt>
        <dd>{view.reason === null ? '–' : <code>{view.reason}</code>}</dd>
      </dl>
    </Panel>
  );
}

/** What the state of the line means for friends, in a sentence. */
function effectOf(view: ConnectionView, isCut: boolean, nowMs: number): string {
  if (isStopped(view)) return `This session is over (${view.reason}). Log in again to go on.`;
  if (!isCut) {
    if (view.status === 'connected') return 'Cut it, and friends notice nothing for a while.';
    if (view.status === 'connecting') return 'Connecting…';
    return 'The server cannot be reached. While it is down, nobody’s grace runs.';
  }
  if (view.droppedAtMs === null || view.graceMs === null) return 'No message gets through until you mend it.';
  // The page's clock may be a moment behind the drop.
  const leftMs = Math.min(view.graceMs, view.droppedAtMs + view.graceMs - nowMs);
  return leftMs <= 0
    ? 'The grace is over: friends see you offline.'
    : `Friends notice nothing for another ${Math.ceil(leftMs / 1000)} s.`;
}

/** Whether the client has given up: trying again by itself would end the same way. */
function isStopped(view: ConnectionView): boolean {
  return view.status === 'disconnected' && view.reason !== null && view.retryAtMs === null;
}

/** Whole seconds until then, rounded up; 0 when it has passed, null where there is no such time. */
function secondsUntil(timeMs: number | null, nowMs: number): number | null {
  return timeMs === null ? null : Math.max(0, Math.ceil((timeMs - nowMs) / 1000));
}
