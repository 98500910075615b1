import type { ChannelState, Client } from '@carillon/client';
import { type ReadonlySignal, signal } from '@preact/signals';
import type { contract } from '../contract.ts';
import { codeOf } from '../lobby/error-code.ts';
import type { Passage } from './passages.ts';

export type Comment = {
  readonly key: string;
  readonly by: string;
  readonly text: string;
  readonly about: Passage | null;
  /** ms since the epoch; null while it is on its way. */
  readonly atMs: number | null;
};

/** Comments that are shown at most: the newest. */
const SHOWN = 100;

/** What is said beside the document: a stream whose rights are the roles there. */
export type Comments = {
  readonly state: ReadonlySignal<ChannelState>;
  /** Oldest first. */
  readonly list: ReadonlySignal<readonly Comment[]>;
  add(text: string, about: Passage | null): void;
  /** Asks again where it was refused, or ended with a role. */
  open(): void;
};

export function createComments(
  client: Client<typeof contract>,
  id: string,
  complain: (sentence: string) => void,
): Comments {
  const channel = client.stream('comments:{id}', { id });
  const state = signal(channel.state);
  const list = signal<readonly Comment[]>([]);

  channel.onState((next) => {
    state.value = next;
  });
  channel.onPublication(({ position: { epoch, offset }, by, data, atMs }) => {
    const key = `${epoch} ${offset}`;
    if (list.value.some((comment) => comment.key === key)) return;
    const comment = { key, by: by ?? '', text: data.text, about: data.about ?? null, atMs };
    list.value = [...list.value, comment].slice(-SHOWN);
  });

  function open(): void {
    // Whoever may not read them is told so by the state.
    channel.subscribe({ last: SHOWN }).catch(() => undefined);
  }

  open();
  return {
    state,
    list,
    open,
    add(text, about) {
      channel.publish({ text, ...(about === null ? {} : { about }) }).catch((error: unknown) => {
        const code = codeOf(error);
        if (code !== 'cancelled') complain(`The comment was not taken (${code}).`);
      });
    },
  };
}
