import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { Panel } from '../page/panel.tsx';
import type { StudioSession } from '../session/studio-session.ts';
import { channelWord } from './channel-word.ts';
import type { Note } from './lobby.ts';

const MOST_CHARACTERS = 120;

/** How far an arrow key moves a note, as a share of the board. */
const KEY_STEP = 0.05;

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-KEY_STEP, 0],
  ArrowRight: [KEY_STEP, 0],
  ArrowUp: [0, -KEY_STEP],
  ArrowDown: [0, KEY_STEP],
};

/** Notes that everybody may move, a map; and where the others point, signals. */
export function BoardPanel({ session }: { readonly session: StudioSession }) {
  const { lobby } = session;
  const notes = lobby.notes.value;
  const board = useRef<HTMLDivElement>(null);
  const draft = useSignal('');

  const placeOf = (event: PointerEvent): readonly [number, number] => {
    const box = board.current?.getBoundingClientRect();
    if (box === undefined) return [0, 0];
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };

  const add = (event: Event) => {
    event.preventDefault();
    const text = draft.value.trim();
    if (text === '') return;
    lobby.addNote(text);
    draft.value = '';
  };

  return (
    <Panel
      id="board"
      title="Board"
      aside={
        <>
          {notes.length} {notes.length === 1 ? 'note' : 'notes'} · <code>board:lobby</code>{' '}
          {channelWord(lobby.boardState.value)}
        </>
      }
    >
      <div class="board" ref={board} onPointerMove={(event) => lobby.point(...placeOf(event))}>
        {notes.map((note) => (
          <BoardNote key={note.key} note={note} session={session} placeOf={placeOf} />
        ))}
        {lobby.cursors.value.map(({ session: id, user, x, y }) => (
          <span
            key={id}
            class="board-cursor"
            data-user={user}
            style={{ left: `${x * 100}%`, top: `${y * 100}%` }}
          >
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d="M2 1.5 13 7.5 8 9.2 5.6 14Z" />
            </svg>
            {session.nameOf(user)}
          </span>
        ))}
        {notes.length === 0 && <p class="hint">The board is empty.</p>}
      </div>
      <form class="room-say" onSubmit={add}>
        <label class="unseen" for="board-text">
          A new note
        </label>
        <input
          id="board-text"
          value={draft.value}
          maxLength={MOST_CHARACTERS}
          placeholder="Write a note"
          autocomplete="off"
          onInput={(event) => {
            draft.value = event.currentTarget.value;
          }}
        />
        <button type="submit" class="small">
          Pin
        </button>
      </form>
    </Panel>
  );
}

type NoteProps = {
  readonly note: Note;
  readonly session: StudioSession;
  placeOf(event: PointerEvent): readonly [number, number];
};

function BoardNote({ note, session, placeOf }: NoteProps) {
  const { lobby } = session;
  const isHeld = useSignal(false);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Delete' || event.key === 'Backspace') {
      event.preventDefault();
      lobby.removeNote(note.key);
      return;
    }
    const step = ARROWS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    lobby.moveNote(note, note.x + step[0], note.y + step[1]);
  };

  return (
    <button
      type="button"
      class="board-note"
      data-color={note.color}
      data-held={isHeld.value ? '' : undefined}
      style={{ left: `${note.x * 100}%`, top: `${note.y * 100}%` }}
      aria-label={`${note.text}. Arrow keys move the note, Delete removes it.`}
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        isHeld.value = true;
      }}
      onPointerMove={(event) => {
        if (isHeld.value) lobby.moveNote(note, ...placeOf(event));
      }}
      onPointerUp={() => {
        isHeld.value = false;
      }}
      onPointerCancel={() => {
        isHeld.value = false;
      }}
    >
      {note.text}
    </button>
  );
}
