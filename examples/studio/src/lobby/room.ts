import type { ChannelState, Client } from '@carillon/client';
import type { OutboxEntry } from '@carillon/client/outbox';
import { type ReadonlySignal, signal } from '@preact/signals';
import type { contract } from '../contract.ts';
import { codeOf } from './error-code.ts';

/** What stands in the room: something that was said, or a place where lines are missing. */
export type RoomLine =
  | {
      readonly kind: 'said';
      readonly key: string;
      readonly by: string;
      readonly text: string;
      /** ms since the epoch; null while it is on its way. */
      readonly atMs: number | null;
    }
  | { readonly kind: 'missing'; readonly key: string; readonly why: string };

/** Something that this person said and the server has not taken: it waits, or was refused. */
export type WaitingLine = {
  readonly number: number;
  readonly text: string;
  readonly state: OutboxEntry['state'];
  /** Why it was not said; null while it waits. */
  readonly code: string | null;
};

/** Lines that one begins with, and that are read at once of what was before. */
const PAGE = 30;

export type Room = {
  readonly roomState: ReadonlySignal<ChannelState>;
  readonly lines: ReadonlySignal<readonly RoomLine[]>;
  /** People in the room; null until the server said. */
  readonly inRoom: ReadonlySignal<number | null>;
  /** Whether there is more to read before the first line. */
  readonly hasEarlier: ReadonlySignal<boolean>;
  /** In the order in which they were said, in whichever tab, and before the page was loaded again too. */
  readonly waiting: ReadonlySignal<readonly WaitingLine[]>;
  /** Takes a line back that was not sent, or forgets one that was refused. */
  takeBack(line: WaitingLine): void;
  say(text: string): void;
  readEarlier(): Promise<void>;
};

/** The room: a stream with its history, and who is in it. */
export function createRoom(client: Client<typeof contract>, complain: (sentence: string) => void): Room {
  const room = client.stream('room:{room}', { room: 'lobby' });
  const roomState = signal(room.state);
  const lines = signal<readonly RoomLine[]>([]);
  const inRoom = signal<number | null>(null);
  const hasEarlier = signal(false);
  const waiting = signal<readonly WaitingLine[]>([]);
  /** The position of the first line; null: nothing was received. */
  let first: { readonly epoch: string; readonly offset: number } | null = null;

  room.onState((state) => {
    roomState.value = state;
  });
  room.onMember(({ count }) => {
    inRoom.value = count;
  });
  room.onPublication(({ position, by, data, atMs }) => {
    const key = `${position.epoch} ${position.offset}`;
    if (first === null) {
      first = position;
      hasEarlier.value = position.offset > 1;
    }
    lines.value = [...lines.value, { kind: 'said', key, by: by ?? '', text: data.text, atMs }];
  });
  room.onLost(({ why, to }) => {
    lines.value = [...lines.value, { kind: 'missing', key: `missing ${to.epoch} ${to.offset}`, why }];
  });
  const { outbox } = client;
  const showWaiting = (): void => {
    waiting.value = (outbox?.entries() ?? [])
      .filter(({ channel }) => channel === room.channel)
      .map(waitingLine);
  };
  outbox?.onChange(showWaiting);
  void outbox?.ready.then(showWaiting);
  room.subscribe({ last: PAGE }).catch(() => undefined);

  return {
    roomState,
    lines,
    inRoom,
    hasEarlier,
    waiting,
    say(text) {
      room.publish({ text }).catch((error: unknown) => {
        const code = codeOf(error);
        // Whoever took it back knows.
        if (code !== 'cancelled') complain(`That was not said (${code}).`);
      });
    },
    takeBack(line) {
      if (line.code === null) void outbox?.cancel(line);
      else outbox?.dismiss(line);
    },
    async readEarlier() {
      if (first === null) return;
      try {
        const page = await room.history({ before: first, limit: PAGE });
        const earlier = page.publications
          .map(({ position, by, data, atMs }): RoomLine => {
            const key = `${position.epoch} ${position.offset}`;
            return { kind: 'said', key, by: by ?? '', text: data.text, atMs };
          })
          .toReversed();
        first = page.publications.at(-1)?.position ?? first;
        hasEarlier.value = page.more;
        lines.value = [...earlier, ...lines.value];
      } catch (error) {
        complain(`What was said before could not be read (${codeOf(error)}).`);
      }
    },
  };
}

function waitingLine({ number, data, state, error }: OutboxEntry): WaitingLine {
  const text = typeof data === 'object' && data !== null && 'text' in data ? String(data.text) : '';
  return { number, text, state, code: error?.code ?? null };
}
