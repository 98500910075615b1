import type { ChannelState, Client } from '@carillon/client';
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

/** Lines that one begins with, and that are read at once of what was before. */
const PAGE = 30;

export type Room = {
  readonly roomState: ReadonlySignal<ChannelState>;
  readonly lines: ReadonlySignal<readonly RoomLine[]>;
  /** People in the room; null until the server said. */
  readonly inRoom: ReadonlySignal<number | null>;
  /** Whether there is more to read before the first line. */
  readonly hasEarlier: ReadonlySignal<boolean>;
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
  room.subscribe({ last: PAGE }).catch(() => undefined);

  return {
    roomState,
    lines,
    inRoom,
    hasEarlier,
    say(text) {
      room.publish({ text }).catch((error: unknown) => complain(`That was not said (${codeOf(error)}).`));
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
