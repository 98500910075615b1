import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Avatar } from '../account/avatar.tsx';
import { Panel } from '../page/panel.tsx';
import { timeOfDay } from '../page/time-of-day.ts';
import type { StudioSession } from '../session/studio-session.ts';
import { channelWord } from './channel-word.ts';
import type { RoomLine, WaitingLine } from './room.ts';

const MOST_CHARACTERS = 500;

/** What is said in the lobby: a stream with history, and how many are there. */
export function RoomPanel({ session }: { readonly session: StudioSession }) {
  const { lobby } = session;
  const lines = lobby.lines.value;
  const list = useRef<HTMLOListElement>(null);
  const draft = useSignal('');
  const last = lines.at(-1)?.key;

  // Whoever reads what was said before is not torn away from it.
  useEffect(() => {
    const { current } = list;
    if (current === null) return;
    const isAtEnd = current.scrollHeight - current.scrollTop - current.clientHeight < 160;
    if (isAtEnd) current.scrollTop = current.scrollHeight;
  }, [last]);

  const say = (event: Event) => {
    event.preventDefault();
    const text = draft.value.trim();
    if (text === '') return;
    lobby.say(text);
    draft.value = '';
  };

  const { inRoom } = lobby;
  return (
    <Panel
      id="room"
      title="Room"
      aside={
        <>
          {inRoom.value !== null && `${inRoom.value} here · `}
          <code>room:lobby</code> {channelWord(lobby.roomState.value)}
        </>
      }
    >
      {lobby.hasEarlier.value && (
        <button type="button" class="small quiet" onClick={() => void lobby.readEarlier()}>
          Earlier
        </button>
      )}
      <ol class="room-lines" ref={list} aria-label="Said in the room" aria-live="polite" tabIndex={0}>
        {lines.length === 0 && <li class="hint">Nobody has said anything yet.</li>}
        {lines.map((line) => (
          <RoomRow key={line.key} line={line} session={session} />
        ))}
        {lobby.waiting.value.map((line) => (
          <WaitingRow key={line.number} line={line} session={session} />
        ))}
      </ol>
      <form class="room-say" onSubmit={say}>
        <label class="unseen" for="room-text">
          Say something
        </label>
        <input
          id="room-text"
          value={draft.value}
          maxLength={MOST_CHARACTERS}
          placeholder="Say something to the room"
          autocomplete="off"
          onInput={(event) => {
            draft.value = event.currentTarget.value;
          }}
        />
        <button type="submit" class="small">
          Say
        </button>
      </form>
    </Panel>
  );
}

/** What this person said and nobody has heard yet. */
function WaitingRow({ line, session }: { readonly line: WaitingLine; readonly session: StudioSession }) {
  const isOver = line.code !== null;
  return (
    <li class="room-waiting" data-state={line.state}>
      <span class="room-waiting-text">{line.text}</span>
      <span class="room-waiting-word">
        {isOver ? `not said: ${line.code}` : line.state === 'queued' ? 'waits for the line' : 'on its way'}
      </span>
      {line.state !== 'sent' && (
        <button type="button" class="small quiet" onClick={() => session.lobby.takeBack(line)}>
          {isOver ? 'Dismiss' : 'Take back'}
        </button>
      )}
    </li>
  );
}

const MISSING: Readonly<Record<string, string>> = {
  dropped: 'Some lines were dropped: this line was too slow for them.',
  trimmed: 'What was said meanwhile is no longer kept.',
  epoch: 'The room began anew.',
  ahead: 'The room began anew.',
};

function RoomRow({ line, session }: { readonly line: RoomLine; readonly session: StudioSession }) {
  if (line.kind === 'missing')
    return <li class="room-missing">{MISSING[line.why] ?? 'Lines are missing.'}</li>;
  const name = session.nameOf(line.by);
  return (
    <li class="room-line" data-own={line.by === session.person.user ? '' : undefined}>
      <Avatar name={name} />
      <span class="room-who">
        <span class="person-name">{name}</span>
        {line.atMs !== null && (
          <time dateTime={new Date(line.atMs).toISOString()}>{timeOfDay(line.atMs, 'minute')}</time>
        )}
      </span>
      <span class="room-text">{line.text}</span>
    </li>
  );
}
