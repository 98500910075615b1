import { useComputed } from '@preact/signals';
import { now } from '../page/clock.ts';
import { CopyButton } from '../page/copy-button.tsx';
import { Panel } from '../page/panel.tsx';
import { timeOfDay } from '../page/time-of-day.ts';
import type { ConnectionView, StudioSession } from '../session/studio-session.ts';
import { LineDrawing } from './line-drawing.tsx';
import { isStopped, secondsToRetry } from './retry.ts';

/** How much of a session's id is enough to tell two of them apart. */
const SHOWN_OF_SESSION = 8;

/** The connection: how it stands, the session behind it, and the scissors. */
export function ConnectionPanel({ session }: { readonly session: StudioSession }) {
  const view = session.connection.value;
  const isCut = session.isCut.value;
  const isBlocked = session.isBlocked.value;
  const retry = useComputed(() => secondsToRetry(session.connection.value, now.value)).value;

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
          <span class="switch-word" data-state={view.status}>
            {isCut ? 'cut' : WORD_OF[view.status]}
          </span>
        </button>
      </div>
      <div class="line-switch">
        <button
          type="button"
          role="switch"
          aria-checked={!isBlocked}
          aria-describedby="line-effect"
          class="switch"
          onClick={() => session.setBlocked(!isBlocked)}
        >
          <span class="switch-track" aria-hidden="true" />
          WebSockets
          <span class="switch-word">{isBlocked ? 'blocked' : 'let through'}</span>
        </button>
      </div>
      <p class="hint" id="line-effect">
        {effectOf(view, isCut, isBlocked, now.value)}
      </p>
      <dl class="facts">
        <dt>Carried by</dt>
        <dd data-transport={view.transport}>{view.transport === null ? '–' : NAME_OF[view.transport]}</dd>
        <dt>Session</dt>
        <dd class="fact-with-button">
          <SessionId id={view.session} />
        </dd>
        <dt>Last login</dt>
        <dd>{view.session === null ? 'none yet' : view.resumed ? 'resumed' : 'fresh'}</dd>
        <dt>Next attempt</dt>
        <dd class="fact-with-button">
          {retry === null ? '–' : retry === 0 ? 'now' : `in ${retry} s`}
          {view.status === 'disconnected' && !isCut && (
            <button type="button" class="small" onClick={() => session.retryNow()}>
              {isStopped(view) ? 'Log in again' : 'Try now'}
            </button>
          )}
        </dd>
        <dt>Last drop</dt>
        <dd>
          <LastDrop drop={view.lastDrop} />
        </dd>
      </dl>
    </Panel>
  );
}

/** The switch says what one wants; the word beside it, what is. */
const WORD_OF = { connected: 'up', connecting: 'trying', disconnected: 'down' } as const;

const NAME_OF = { websocket: 'WebSocket', sse: 'event stream', longpoll: 'long-poll' } as const;

function SessionId({ id }: { readonly id: string | null }) {
  if (id === null) return 'none yet';
  return (
    <>
      <code data-session={id} title={id}>
        {id.slice(0, SHOWN_OF_SESSION)}…
      </code>
      <CopyButton label="Copy the session’s id" text={() => id} />
    </>
  );
}

function LastDrop({ drop }: { readonly drop: ConnectionView['lastDrop'] }) {
  if (drop === null) return '–';
  return (
    <>
      {timeOfDay(drop.atMs, 'second')} {drop.reason !== null && <code>{drop.reason}</code>}
    </>
  );
}

/** What the state of the line means for friends, in a sentence. */
function effectOf(view: ConnectionView, isCut: boolean, isBlocked: boolean, nowMs: number): string {
  if (isStopped(view)) return `This session is over (${view.reason}). Log in again to go on.`;
  if (!isCut) {
    if (view.status === 'connected' && isBlocked)
      return 'Only requests get through, as behind some proxies: the session goes on by them.';
    if (view.status === 'connected') return 'Cut it, and friends notice nothing for a while.';
    return view.isLost ? 'Trying to reach the server.' : 'Connecting…';
  }
  if (view.droppedAtMs === null || view.graceMs === null) return 'No message gets through until you mend it.';
  // The page's clock may be a moment behind the drop.
  const leftMs = Math.min(view.graceMs, view.droppedAtMs + view.graceMs - nowMs);
  return leftMs <= 0
    ? 'The grace is over: friends see you offline.'
    : `Friends notice nothing for another ${Math.ceil(leftMs / 1000)} s.`;
}
