import type { Timer } from '../../ports/clock.ts';
import { backoffMs } from './backoff.ts';
import { type Line, openLine } from './line.ts';
import type { RedisLinkDeps } from './link-deps.ts';
import { reasonOf } from './redis-errors.ts';
import { addressText, type RedisAddress, type RedisSettings } from './redis-settings.ts';
import { addressOfKey, type ShardMap, shardMapReader } from './shard-map.ts';
import { slotOf } from './slot.ts';

/** The connections that messages come on: one, or one to each primary of a Cluster. They are made anew by themselves. */
export type SubscriberLines = {
  /** Whether every primary has one, as far as is known. */
  readonly complete: boolean;
  /** Connects; rejects where that fails, as it failed. */
  open(): Promise<void>;
  /** Looks again who serves what, after a sign that it has changed. */
  relocate(): void;
  /** Everything works: the next failure is the first. */
  steady(): void;
  /** The one a channel has to be subscribed on; undefined while there is none. */
  lineFor(channel: string): Line | undefined;
  /** Channels of one group may be named in one command. */
  groupOf(channel: string): number;
  all(): Iterable<Line>;
  close(): void;
};

export type SubscriberLineEvents = {
  /** Who serves what may have changed: channels may have to go elsewhere, and those without a line may have one. */
  onLocated(): void;
  /** It could not be found out, or there is no connection; it is tried again. */
  onFailed(error: unknown): void;
  onLost(line: Line, reason: string): void;
  onTakenBack(line: Line, channel: string): void;
};

export function createSubscriberLines(
  settings: RedisSettings,
  deps: RedisLinkDeps,
  events: SubscriberLineEvents,
): SubscriberLines {
  const readMap = shardMapReader(settings, deps);
  const lines = new Map<string, Line>();
  let map: ShardMap | null = null;
  let state: 'new' | 'complete' | 'waiting' | 'locating' | 'closed' = 'new';
  /** It changed again while it was looked at. */
  let again = false;
  let attempt = 0;
  let retry: Timer | null = null;

  async function locate(): Promise<void> {
    state = 'locating';
    again = false;
    const found = await readMap();
    await Promise.all(found.primaries.map(connect));
    if (isClosed()) return;
    map = found;
    const serving = new Set(found.primaries.map(addressText));
    for (const [address, line] of [...lines])
      if (!serving.has(address)) line.close('it serves nothing any more');
    state = 'complete';
    events.onLocated();
    if (again || found.primaries.some((address) => !lines.has(addressText(address)))) relocate();
  }

  async function connect(address: RedisAddress): Promise<void> {
    const name = addressText(address);
    if (lines.has(name)) return;
    const line = await openLine({ ...settings, address }, deps, {
      onEnd(ended, reason) {
        if (lines.get(name) !== ended) return;
        lines.delete(name);
        events.onLost(ended, reason);
        relocate();
      },
      onTakenBack: events.onTakenBack,
    });
    if (isClosed()) line.close('closed');
    else lines.set(name, line);
  }

  function relocate(): void {
    if (state === 'locating') again = true;
    if (state !== 'complete') return;
    tryLater();
  }

  function tryLater(): void {
    state = 'waiting';
    retry = deps.clock.setTimer(backoffMs(attempt++, deps.fraction()), () => {
      retry = null;
      locate().catch((error: unknown) => {
        if (isClosed()) return;
        deps.warn('redis_subscriber_unreachable', { error: reasonOf(error), attempt });
        events.onFailed(error);
        tryLater();
      });
    });
  }

  function isClosed(): boolean {
    return state === 'closed';
  }

  return {
    get complete() {
      return state === 'complete';
    },
    open: locate,
    relocate,
    steady() {
      attempt = 0;
    },
    lineFor(channel) {
      const address = map === null ? null : addressOfKey(map, channel);
      return address === null ? undefined : lines.get(addressText(address));
    },
    groupOf: (channel) => (map?.clustered === true ? slotOf(channel) : 0),
    all: () => lines.values(),
    close() {
      state = 'closed';
      retry?.cancel();
      for (const line of [...lines.values()]) line.close('closed');
    },
  };
}
