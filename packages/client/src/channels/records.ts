import type { ChannelKind, Signal, Start } from '../core/channels/channel-events.ts';
import type { MapEntry } from '../core/channels/map-view.ts';
import { CarillonError } from '../carillon-error.ts';
import type { ChannelUsage } from '../inspection.ts';
import { type Listeners, type Report, createListeners, guarded } from '../listeners.ts';
import { quiet } from '../quiet.ts';
import type { ChannelNews, ChannelShell } from './channel-shell.ts';

/** Signals of others that are kept of one channel; beyond it the oldest goes. */
export const MOST_LATEST = 1_000;

/** What a client holds for one channel while somebody uses it: who wants it, and who listens. */
type ChannelRecord = {
  /** How many `subscribe` calls no `unsubscribe` has answered. */
  wanted: number;
  readonly listeners: Map<ChannelNews['do'], Listeners<ChannelNews>>;
  /** Signal: the latest of each session and key. */
  readonly latest: Map<string, Signal>;
  /** Map: all entries, until one changes. */
  snapshot: readonly MapEntry[] | null;
};

type NewsOf<K extends ChannelNews['do']> = Extract<ChannelNews, { readonly do: K }>;

/** The channels that are in use. What nobody wants or listens to is forgotten. */
export type Records = {
  tell(news: ChannelNews): void;
  listen<K extends ChannelNews['do']>(
    channel: string,
    kind: K,
    listener: (news: NewsOf<K>) => void,
  ): () => void;
  /** Like `listen`, for news that carry several: a listener that fails with one is told the others. */
  listenToEach<K extends ChannelNews['do'], T>(
    channel: string,
    kind: K,
    itemsOf: (news: NewsOf<K>) => readonly T[],
    listener: (item: T) => void,
  ): () => void;
  /** @returns resolves once what was missed has been told; rejects where the server refuses for good, or it is given up */
  subscribe(
    channel: string,
    kind: ChannelKind,
    start: Start | undefined,
    grant: string | undefined,
  ): Promise<void>;
  unsubscribe(channel: string): void;
  latest(channel: string): ReadonlyMap<string, Signal>;
  snapshot(channel: string): readonly MapEntry[];
  /** For the devtools. */
  usage(channel: string): ChannelUsage | undefined;
};

const NO_SIGNALS: ReadonlyMap<string, Signal> = new Map();
const NO_ENTRIES: readonly MapEntry[] = [];

/** @param shell asked for late, for each needs the other */
export function createRecords(shell: () => ChannelShell, report: Report): Records {
  const records = new Map<string, ChannelRecord>();

  function recordOf(channel: string): ChannelRecord {
    let record = records.get(channel);
    if (record === undefined) {
      record = { wanted: 0, listeners: new Map(), latest: new Map(), snapshot: null };
      records.set(channel, record);
    }
    return record;
  }

  function forgetUnused(channel: string, { wanted, listeners }: ChannelRecord): void {
    if (wanted === 0 && listeners.size === 0) records.delete(channel);
  }

  function listen<K extends ChannelNews['do']>(
    channel: string,
    kind: K,
    listener: (news: NewsOf<K>) => void,
  ): () => void {
    const record = recordOf(channel);
    const listeners = record.listeners.get(kind) ?? createListeners<ChannelNews>(report);
    record.listeners.set(kind, listeners);
    // Listeners of a kind are told news of that kind.
    const remove = listeners.add(listener as (news: ChannelNews) => void);
    return () => {
      remove();
      if (listeners.size > 0 || record.listeners.get(kind) !== listeners) return;
      record.listeners.delete(kind);
      forgetUnused(channel, record);
    };
  }

  /** What the record knows by itself. */
  function note(record: ChannelRecord, news: ChannelNews): void {
    switch (news.do) {
      case 'changes':
        record.snapshot = null;
        return;
      case 'signals':
        for (const signal of news.signals) keepLatest(record.latest, signal);
        return;
      case 'member':
        if (news.joined) return;
        for (const [key, { by }] of record.latest) if (by === news.user) record.latest.delete(key);
        return;
      case 'state':
        // Of a signal only the moment counts.
        if (news.state.status !== 'live') record.latest.clear();
        if (news.state.status === 'idle') record.wanted = 0;
        return;
      case 'invited':
        record.wanted++;
        return;
      default:
        // The rest is for the app alone.
        return;
    }
  }

  return {
    tell(news) {
      const { channel } = news;
      const record = news.do === 'invited' ? recordOf(channel) : records.get(channel);
      if (record === undefined) return;
      note(record, news);
      record.listeners.get(news.do)?.tell(news);
      if (news.do === 'state') forgetUnused(channel, record);
    },
    listen,
    listenToEach(channel, kind, itemsOf, listener) {
      return listen(channel, kind, (news) => {
        for (const item of itemsOf(news)) guarded(() => listener(item), report);
      });
    },
    subscribe(channel, kind, start, grant) {
      const { channels, inTurn } = shell();
      const settled = new Promise<void>((resolve, reject) => {
        // In its turn: a listener that gives a channel up and wants it again is not to hear the end of the former.
        inTurn(() => {
          recordOf(channel).wanted++;
          if (start === undefined && channels.state(channel).status === 'live') resolve();
          else {
            const stop = listen(channel, 'state', ({ state: { status, code, detail } }) => {
              if (status === 'live') resolve();
              else if (status === 'failed' || status === 'idle')
                reject(new CarillonError((code ?? 'cancelled') as 'cancelled', detail));
              else return;
              stop();
            });
          }
          return { type: 'subscribe', channel, kind, start, grant };
        });
      });
      return quiet(settled);
    },
    unsubscribe(channel) {
      shell().inTurn(() => {
        const record = records.get(channel);
        if (record === undefined || record.wanted === 0) return undefined;
        record.wanted--;
        forgetUnused(channel, record);
        return record.wanted === 0 ? { type: 'unsubscribe', channel } : undefined;
      });
    },
    usage: (channel) => records.get(channel),
    latest: (channel) => records.get(channel)?.latest ?? NO_SIGNALS,
    snapshot(channel) {
      const record = records.get(channel);
      if (record === undefined) return NO_ENTRIES;
      record.snapshot ??= [...shell().channels.entries(channel).values()];
      return record.snapshot;
    },
  };
}

function keepLatest(latest: Map<string, Signal>, signal: Signal): void {
  const name = JSON.stringify([signal.session, signal.key]);
  // Behind the others: the first is the oldest.
  latest.delete(name);
  latest.set(name, signal);
  for (const oldest of latest.keys()) {
    if (latest.size <= MOST_LATEST) return;
    latest.delete(oldest);
  }
}
