import type { NotAppended } from '../../src/core/channel/log-rules.ts';
import type { Append, MapEntry, Position, Publication, Retention } from '../../src/ports/log.ts';

/** A channel as plainly as it can be said: everything that was ever published, and where what is kept begins. */
type ModelChannel = {
  readonly epoch: string;
  readonly all: Publication[];
  floor: number;
  readonly ids: Map<string, { readonly offset: number; readonly print: string; readonly atMs: number }>;
  readonly keys: Map<string, { readonly entry: MapEntry; readonly dueMs: number | null }>;
  readonly lanes: Map<
    string,
    { readonly user: string; readonly number: number; readonly offset: number; readonly atMs: number }
  >;
  readonly deleted: Map<string, { readonly version: number; readonly offset: number; readonly atMs: number }>;
};

export type Expectation = NotAppended | { readonly ok: true; readonly publication: Publication };

export type ModelLaneLimits = { readonly laneMs: number; readonly lanesPerUser: number };

/** What a log ought to do, without a thought of how long it takes. Epochs are the log's: it says them, once each. */

export function createLogModel({ laneMs, lanesPerUser }: ModelLaneLimits) {
  const channels = new Map<string, ModelChannel>();

  function channelOf(name: string): ModelChannel {
    const channel = channels.get(name);
    if (channel === undefined) throw new Error(`the epoch of ${name} was not asked for`);
    return channel;
  }

  function trim({ all, ...rest }: ModelChannel, { count, ageMs, units }: Retention, nowMs: number): number {
    let { floor } = rest;
    const kept = () => all.slice(floor);
    const unitsKept = () => kept().reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
    while (
      kept().length > count ||
      (kept()[0]?.atMs ?? Infinity) + ageMs <= nowMs ||
      (kept().length > 1 && unitsKept() > units)
    )
      floor++;
    return floor;
  }

  function add(
    channel: ModelChannel,
    { retention, by, data, key, version, ref, nowMs }: Append,
    dueMs: number | null,
  ): Publication {
    const publication = { offset: channel.all.length + 1, atMs: nowMs, by, data, key, version, ref };
    channel.all.push(publication);
    channel.floor = trim(channel, retention, nowMs);
    if (key === null) return publication;
    channel.keys.delete(key);
    channel.deleted.delete(key);
    if (data !== null) channel.keys.set(key, { entry: publication as MapEntry, dueMs });
    else if (version !== null) {
      channel.deleted.set(key, { version, offset: publication.offset, atMs: nowMs });
      for (const [name, { offset }] of channel.deleted)
        if (channel.deleted.size > retention.keys && offset <= channel.floor) channel.deleted.delete(name);
        else break;
    }
    return publication;
  }

  function versionOf({ keys, deleted }: ModelChannel, { key, retention, nowMs }: Append): number | null {
    if (key === null) return null;
    const tombstone = deleted.get(key);
    if (tombstone !== undefined && tombstone.atMs + retention.ageMs > nowMs) return tombstone.version;
    return keys.get(key)?.entry.version ?? null;
  }

  return {
    channels,

    /** The channel begins, or begins anew, in this epoch. */
    begin(name: string, epoch: string): void {
      channels.set(name, {
        epoch,
        all: [],
        floor: 0,
        ids: new Map(),
        lanes: new Map(),
        keys: new Map(),
        deleted: new Map(),
      });
    },

    top(name: string): Position {
      const { epoch, all } = channelOf(name);
      return { epoch, offset: all.length };
    },

    /** @param wasRepeated whether the log took it for a repetition: after its window an id may be held or not */
    append(append: Append, wasRepeated: boolean): Expectation {
      const channel = channelOf(append.channel);
      const { once, expect, retention, nowMs } = append;
      const top = { epoch: channel.epoch, offset: channel.all.length };
      const id = JSON.stringify([once?.scope, once?.id]);
      const before = channel.ids.get(id);
      if (before !== undefined && nowMs - before.atMs > retention.onceMs && !wasRepeated)
        channel.ids.delete(id);
      const repeated = once === null ? undefined : channel.ids.get(id);
      if (repeated !== undefined) {
        if (repeated.print !== once?.print) return { ok: false, code: 'id_reused' };
        return { ok: true, duplicate: { epoch: channel.epoch, offset: repeated.offset } };
      }
      const { lane } = append;
      const laneName = JSON.stringify([lane?.scope, lane?.queue]);
      const known = lane === null ? undefined : channel.lanes.get(laneName);
      const mark = known !== undefined && nowMs - known.atMs <= laneMs ? known : undefined;
      if (lane !== null && mark !== undefined && lane.number <= mark.number) {
        const told = lane.number === mark.number && mark.offset > 0;
        return { ok: true, duplicate: told ? { epoch: channel.epoch, offset: mark.offset } : null };
      }
      const raise = (offset: number) => {
        if (lane !== null)
          channel.lanes.set(laneName, { user: lane.scope, number: lane.number, offset, atMs: nowMs });
      };
      const fits =
        expect === null ||
        (expect.offset === 0 ? top.offset === 0 : expect.offset === top.offset && expect.epoch === top.epoch);
      if (!fits) return { ok: false, code: 'conflict', top };
      const others = [...channel.lanes.values()].filter(
        ({ user, atMs }) => user === lane?.scope && nowMs - atMs <= laneMs,
      );
      if (lane !== null && mark === undefined && others.length >= lanesPerUser)
        return { ok: false, code: 'limit_reached', detail: 'lanes' };
      const version = versionOf(channel, append);
      if (append.version !== null && version !== null && append.version <= version) {
        raise(0);
        return { ok: true, outdated: top };
      }
      if (
        append.key !== null &&
        append.data !== null &&
        !channel.keys.has(append.key) &&
        channel.keys.size >= append.retention.keys
      )
        return { ok: false, code: 'limit_reached', detail: '' };
      const publication = add(channel, append, append.ttlMs === null ? null : nowMs + append.ttlMs);
      raise(publication.offset);
      if (once !== null) channel.ids.set(id, { offset: publication.offset, print: once.print, atMs: nowMs });
      return { ok: true, publication };
    },

    /** What is kept and has not run out. */
    kept(name: string, retention: Retention, nowMs: number): readonly Publication[] {
      const channel = channelOf(name);
      // Count and size are looked at when something is appended, age at any time.
      const young = { ...retention, count: Infinity, units: Infinity };
      return channel.all.slice(trim(channel, young, nowMs));
    },

    entries(name: string): readonly MapEntry[] {
      const { keys } = channelOf(name);
      return [...keys.values()]
        .map(({ entry }) => entry)
        .toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    },

    /** Keys that have run out, with their channels. */
    overdue(nowMs: number): { readonly name: string; readonly key: string; readonly dueMs: number }[] {
      return [...channels].flatMap(([name, { keys }]) =>
        [...keys].flatMap(([key, { dueMs }]) =>
          dueMs !== null && dueMs <= nowMs ? [{ name, key, dueMs }] : [],
        ),
      );
    },

    expire(name: string, key: string, retention: Retention, nowMs: number): Publication {
      const channel = channelOf(name);
      const version = channel.keys.get(key)?.entry.version ?? null;
      const deletion = {
        retention,
        by: null,
        data: null,
        key,
        version,
        ref: null,
        nowMs,
      } as unknown as Append;
      return add(channel, deletion, null);
    },
  };
}
