import type { Lost } from '../channels/channel.ts';
import type { PublicationOf } from '../channels/stream-channel.ts';

/** The newest publications of a stream, in order and each once, whoever else begins the channel anew. */
export type HeldPublications<Out> = {
  /** Oldest first; the same array until something was added or lost. */
  all(): readonly PublicationOf<Out>[];
  readonly lost: Lost | null;
  add(publication: PublicationOf<Out>): void;
  /** What was published before; those that are held already are left out. @param publications oldest first */
  addEarlier(publications: readonly PublicationOf<Out>[]): void;
  lose(lost: Lost): void;
  clear(): void;
};

/** @param keep how many are held at most */
export function createHeldPublications<Out>(keep: number): HeldPublications<Out> {
  let held: readonly PublicationOf<Out>[] = [];
  let come: PublicationOf<Out>[] = [];
  let newest: PublicationOf<Out>['position'] | null = null;
  let lost: Lost | null = null;

  function all(): readonly PublicationOf<Out>[] {
    if (come.length > 0) held = [...held, ...come].slice(-keep);
    come = [];
    return held;
  }

  function forget(): void {
    held = [];
    come = [];
    newest = null;
  }

  return {
    all,
    get lost() {
      return lost;
    },
    add(publication) {
      const { position } = publication;
      if (position.epoch === newest?.epoch && position.offset <= newest.offset) return;
      // Another epoch is another history: its offsets say nothing about those that are held.
      if (newest !== null && position.epoch !== newest.epoch) forget();
      newest = position;
      come.push(publication);
      if (come.length > 2 * keep) come = come.slice(-keep);
    },
    addEarlier(publications) {
      const [oldest] = all();
      const epoch = oldest?.position.epoch ?? publications.at(-1)?.position.epoch;
      const earlier = publications.filter(
        ({ position }) =>
          position.epoch === epoch && (oldest === undefined || position.offset < oldest.position.offset),
      );
      held = [...earlier, ...held].slice(-keep);
      newest ??= held.at(-1)?.position ?? null;
    },
    lose(news) {
      lost = news;
      if (news.why !== 'dropped') forget();
    },
    clear() {
      forget();
      lost = null;
    },
  };
}
