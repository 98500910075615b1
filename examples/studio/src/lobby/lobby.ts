import type { ChannelState, Client } from '@carillon/client';
import { type ReadonlySignal, signal } from '@preact/signals';
import type { contract } from '../contract.ts';
import { type Cursor, createCursors } from './cursors.ts';
import { codeOf } from './error-code.ts';
import { type Room, createRoom } from './room.ts';

type StudioClient = Client<typeof contract>;

/** A note on the board. */
export type Note = {
  readonly key: string;
  readonly text: string;
  /** Where its middle is, as a share of the board. */
  readonly x: number;
  readonly y: number;
  readonly color: 'amber' | 'mint' | 'sky' | 'rose';
};

const COLORS = ['amber', 'mint', 'sky', 'rose'] as const;

/** The room and the board that everybody on the page shares: a stream, a map, and signals. */
export type Lobby = Room & {
  readonly boardState: ReadonlySignal<ChannelState>;
  readonly notes: ReadonlySignal<readonly Note[]>;
  addNote(text: string): void;
  moveNote(note: Note, x: number, y: number): void;
  removeNote(key: string): void;

  readonly cursors: ReadonlySignal<readonly Cursor[]>;
  /** Where this person points; null: nowhere any more. */
  point(x: number, y: number): void;
};

/** @param complain told what was refused, as a sentence */
export function createLobby(client: StudioClient, complain: (sentence: string) => void): Lobby {
  const room = createRoom(client, complain);
  const board = client.map('board:{board}', { board: 'lobby' });
  const boardState = signal(board.state);
  const notes = signal<readonly Note[]>([]);
  const cursors = createCursors(client);

  board.onState((state) => {
    boardState.value = state;
    notes.value = snapshot();
  });
  board.onChange(() => {
    notes.value = snapshot();
  });
  // Whoever may not see the board is told so by its state.
  board.subscribe().catch(() => undefined);

  function snapshot(): readonly Note[] {
    return board.getSnapshot().map(({ key, value }) => ({ key, ...value }));
  }

  function put({ key, text, x, y, color }: Note): void {
    const value = { text, x: share(x), y: share(y), color };
    // Seen at once; what the server says comes after, and counts.
    notes.value = [...notes.value.filter((note) => note.key !== key), { key, ...value }];
    board.set(key, value).catch((error: unknown) => complain(`The note was not kept (${codeOf(error)}).`));
  }

  return {
    ...room,
    boardState,
    notes,
    addNote(text) {
      const key = crypto.randomUUID();
      const color = COLORS[notes.value.length % COLORS.length] ?? 'amber';
      const step = notes.value.length % 5;
      put({ key, text, color, x: 0.2 + step * 0.15, y: 0.25 + step * 0.12 });
    },
    moveNote: (note, x, y) => put({ ...note, x, y }),
    removeNote(key) {
      board.delete(key).catch((error: unknown) => complain(`The note was not removed (${codeOf(error)}).`));
    },
    cursors: cursors.seen,
    point: cursors.point,
  };
}

function share(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000;
}
