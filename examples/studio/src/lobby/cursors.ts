import type { Client } from '@carillon/client';
import { type ReadonlySignal, signal } from '@preact/signals';
import type { contract } from '../contract.ts';

/** Where somebody points on the board, as shares of it. */
export type Cursor = {
  readonly session: string;
  readonly user: string;
  readonly x: number;
  readonly y: number;
};

/** A cursor that has not moved for so long is taken off the board, ms. */
const SEEN_MS = 6_000;

/** How often the own cursor is sent at most, ms; the server merges faster ones. */
const SENT_EVERY_MS = 40;

export type Cursors = {
  readonly seen: ReadonlySignal<readonly Cursor[]>;
  point(x: number, y: number): void;
};

/** Cursors by signal: never kept, only the latest of each. */
export function createCursors(client: Client<typeof contract>): Cursors {
  const channel = client.signal('cursors:{board}', { board: 'lobby' });
  const seen = signal<readonly Cursor[]>([]);
  const ends = new Map<string, ReturnType<typeof setTimeout>>();
  let waiting: { readonly x: number; readonly y: number } | null = null;
  let pause: ReturnType<typeof setTimeout> | null = null;

  function drop(session: string): void {
    ends.delete(session);
    seen.value = seen.value.filter((cursor) => cursor.session !== session);
  }

  channel.onSignal(({ session, by, data, own }) => {
    if (own || by === null) return;
    clearTimeout(ends.get(session));
    ends.set(
      session,
      setTimeout(() => drop(session), SEEN_MS),
    );
    seen.value = [
      ...seen.value.filter((cursor) => cursor.session !== session),
      { session, user: by, ...data },
    ];
  });
  channel.subscribe().catch(() => undefined);

  function send(): void {
    pause = null;
    if (waiting === null) return;
    // Without a line nobody sees it, and nobody need.
    channel.send(waiting).catch(() => undefined);
    waiting = null;
    pause = setTimeout(send, SENT_EVERY_MS);
  }

  return {
    seen,
    point(x, y) {
      waiting = { x: Math.min(1, Math.max(0, x)), y: Math.min(1, Math.max(0, y)) };
      if (pause === null) send();
    },
  };
}
