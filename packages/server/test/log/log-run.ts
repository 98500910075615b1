import { expect } from 'vitest';
import type {
  Append,
  AppendResult,
  Lane,
  Log,
  MapEntry,
  Position,
  Publication,
  Retention,
} from '../../src/ports/log.ts';
import {
  type AppendStep,
  CHANNELS,
  JOINERS,
  LANE_LIMITS,
  type Kept,
  READERS,
  STREAMS,
  type Step,
} from './log-history.ts';
import { type Expectation, createLogModel } from './log-model.ts';

/** Somebody who follows a channel by its positions, as a subscriber does. */
type Reader = {
  readonly channel: string;
  position: Position;
  readonly from: Position;
  readonly applied: Publication[];
};

/** Somebody who is joining a map: pages at first, and then what came since the first of them. */
type Joiner = {
  readonly channel: string;
  top: Position | null;
  after: string | null;
  entries: Map<string, Publication>;
};

export type LogRun = {
  begin(): Promise<void>;
  take(step: Step): Promise<void>;
  /** Everyone catches up, and everything is compared once more. */
  finish(): Promise<void>;
  forgetAll(): Promise<void>;
};

/** What others noted is asked for so often, ms. */
const OTHERS_MS = 1_000;

/** What can become of a step. A test of random histories is worth something only where all of these happen. */
export const OUTCOMES = [
  'taken',
  'duplicate',
  'duplicate elsewhere',
  'lanes full',
  'outdated',
  'conflict',
  'id_reused',
  'limit_reached',
  'read something',
  'told epoch',
  'told trimmed',
  'joined a map',
  'expired',
] as const;

export type Outcome = (typeof OUTCOMES)[number];

/**
 * One history on a log and on its model.
 *
 * @param reopen ends the log and opens it again
 * @param note is told what happened
 * @param shared whether others append to it too: it is asked every second for what runs out of theirs
 */
export function createLogRun(
  first: Log,
  prefix: string,
  startMs: number,
  kept: readonly Kept[],
  reopen: () => Promise<Log>,
  note: (what: Outcome) => void,
  shared = false,
): LogRun {
  let log = first;
  let nowMs = startMs;
  const model = createLogModel(LANE_LIMITS);
  const epochs = new Set<string>();
  const names = Array.from({ length: CHANNELS }, (_, i) => prefix + String(i));
  const readers: Reader[] = [];
  const joiners: Joiner[] = [];
  /** Of the last append to each channel: keys run out under that. */
  const lastRetention = new Map<string, Retention>();
  /** The highest number that each queue has sent. */
  const numbers = new Map<string, number>();

  const nameOf = (channel: number) => names[channel] as string;
  const keptOf = (name: string) => kept[names.indexOf(name)] as Kept;
  const retentionOf = (name: string) => ({ count: Infinity, units: Infinity, ...keptOf(name) });
  const isMap = (name: string) => names.indexOf(name) >= STREAMS;

  async function beginChannel(name: string): Promise<void> {
    const top = await log.top(name);
    expect(top.offset).toBe(0);
    model.begin(name, top.epoch);
  }

  /** A queue numbers what it sends; now and then it sends something again, or something older. */
  function laneOf(channel: string, lane: AppendStep['lane']): Lane | null {
    if (lane === null) return null;
    const scope = `u${lane.user}`;
    const queue = `q${lane.queue}`;
    const name = JSON.stringify([channel, scope, queue]);
    const number = Math.max(1, (numbers.get(name) ?? 0) + lane.step);
    numbers.set(name, Math.max(number, numbers.get(name) ?? 0));
    return { scope, queue, number };
  }

  function appendOf(step: AppendStep): Append {
    const channel = nameOf(step.channel);
    const map = isMap(channel);
    const top = model.top(channel);
    const deletes = map && step.deletes;
    const lane = laneOf(channel, step.lane);
    return {
      channel,
      kind: map ? 'map' : 'stream',
      retention: { count: step.count, units: step.maxUnits, ...keptOf(channel) },
      by: 'alice',
      data: deletes ? null : '1'.repeat(step.units),
      key: map ? `k${step.key}` : null,
      version: map ? step.version : null,
      ref: step.units % 2 === 0 ? null : `,"key":${step.units}\n`,
      ttlMs: map && !deletes ? step.ttlMs : null,
      expect: {
        nothing: null,
        top,
        below: { epoch: top.epoch, offset: Math.max(top.offset - 1, 0) },
        elsewhere: { epoch: 'elsewhere', offset: top.offset },
        start: { epoch: 'any', offset: 0 },
      }[step.expect],
      once:
        step.once === null || lane !== null
          ? null
          : { scope: 'alice', id: `i${step.once.id}`, print: `p${step.once.print}` },
      lane,
      silent: null,
      eventMs: step.units % 3 === 0 ? nowMs - step.units : null,
      nowMs,
    };
  }

  function compareAppend(append: Append, result: AppendResult): void {
    const wasRepeated = 'duplicate' in result || ('code' in result && result.code === 'id_reused');
    const expected = model.append(append, wasRepeated);
    note(outcomeOf(expected));
    if ('publication' in expected) {
      lastRetention.set(append.channel, append.retention);
      const { epoch } = model.top(append.channel);
      expect(result).toEqual({ ...expected, epoch });
    } else if ('detail' in expected) expect(result).toMatchObject({ ok: false, code: expected.code });
    else expect(result).toEqual(expected);
  }

  async function appendAll(steps: readonly AppendStep[]): Promise<void> {
    // What they expect is what the log is at before the first of them: they are made in one turn.
    const appends = steps.map(appendOf);
    const results = await Promise.all(appends.map(async (append) => log.append(append)));
    appends.forEach((append, i) => compareAppend(append, results[i] as AppendResult));
  }

  async function catchUp(reader: Reader): Promise<void> {
    const { channel, position, applied } = reader;
    const result = await log.read(channel, position, retentionOf(channel), nowMs);
    const top = model.top(channel);
    expect(result.top).toEqual(top);
    const oldest = model.kept(channel, retentionOf(channel), nowMs)[0]?.offset ?? top.offset + 1;
    if (!result.ok) {
      if (result.why === 'epoch') expect(position.epoch).not.toBe(top.epoch);
      else {
        expect([result.why, position.epoch]).toEqual(['trimmed', top.epoch]);
        expect(position.offset, 'told without need').toBeLessThan(oldest - 1);
      }
      note(result.why === 'epoch' ? 'told epoch' : 'told trimmed');
      // Told: it begins anew from the top.
      readers[readers.indexOf(reader)] = { channel, position: top, from: top, applied: [] };
      return;
    }
    expect(position.epoch).toBe(top.epoch);
    if (result.publications.length > 0) note('read something');
    applied.push(...result.publications);
    reader.position = top;
    // All that was ever published since it began, in order, each once.
    expect(applied).toEqual(model.channels.get(channel)?.all.slice(reader.from.offset));
  }

  async function pageOn(joiner: Joiner, limit: number): Promise<void> {
    const { channel } = joiner;
    if (joiner.top === null || joiner.after !== null) {
      const page = await log.entries(channel, joiner.after, limit);
      expect(page.entries.length).toBeLessThanOrEqual(limit);
      expect(page.top).toEqual(model.top(channel));
      joiner.top ??= page.top;
      for (const entry of page.entries) joiner.entries.set(entry.key, entry);
      joiner.after = page.next;
      if (page.next !== null) return;
    }
    const read = await log.read(channel, joiner.top, retentionOf(channel), nowMs);
    if (read.ok) {
      note('joined a map');
      // [MAP2] a publication counts where it is newer than what is known of its key.
      for (const publication of read.publications) {
        const key = publication.key as string;
        if (publication.offset > (joiner.entries.get(key)?.offset ?? 0)) joiner.entries.set(key, publication);
      }
      const held = [...joiner.entries.values()].filter(({ data }) => data !== null) as MapEntry[];
      expect(held.toSorted((a, b) => (a.key < b.key ? -1 : 1))).toEqual(model.entries(channel));
    }
    Object.assign(joiner, { top: null, after: null, entries: new Map() });
  }

  async function compareHistory(step: Step & { readonly kind: 'history' }): Promise<void> {
    const name = nameOf(step.channel);
    const sinceMs = step.sinceMs === null ? null : nowMs - step.sinceMs;
    const { from, reverse, limit } = step;
    const query = { offset: from, reverse, limit, sinceMs };
    const page = await log.history(name, query, retentionOf(name), nowMs);
    const all = model.kept(name, retentionOf(name), nowMs);
    const asked = (reverse ? all.toReversed() : all).filter(
      ({ offset, atMs }) =>
        (from === null || (reverse ? offset < from : offset > from)) && (sinceMs === null || atMs >= sinceMs),
    );
    const top = model.top(name);
    const floor = (all[0]?.offset ?? top.offset + 1) - 1;
    const more = asked.length > limit;
    expect(page).toEqual({ top, publications: asked.slice(0, limit), more, floor });
  }

  async function expire(limit: number): Promise<void> {
    const next = log.nextExpiryMs();
    const due = model.overdue(Infinity);
    if (due.length === 0 && !shared) expect(next).toBeNull();
    else {
      const first = Math.min(...due.map(({ dueMs }) => dueMs));
      expect(next ?? Infinity).toBeLessThanOrEqual(shared ? Math.max(first, nowMs + OTHERS_MS) : first);
    }
    const overdue = model.overdue(nowMs);
    const expired = await log.expire(nowMs, limit);
    expect(expired).toHaveLength(Math.min(limit, overdue.length));
    let lastMs = 0;
    for (const { channel, epoch, publication } of expired) {
      note('expired');
      const one = overdue.find(({ name, key }) => name === channel && key === publication.key);
      expect(one?.dueMs, 'ran out, and in order').toBeGreaterThanOrEqual(lastMs);
      lastMs = one?.dueMs ?? Infinity;
      expect(publication).toEqual(
        model.expire(
          channel,
          publication.key as string,
          lastRetention.get(channel) ?? retentionOf(channel),
          nowMs,
        ),
      );
      expect(epoch).toBe(model.top(channel).epoch);
    }
  }

  async function forget(name: string): Promise<void> {
    const { epoch, offset } = model.top(name);
    if (offset > 0) epochs.add(epoch);
    await log.forget(name);
    await beginChannel(name);
    const after = model.top(name).epoch;
    if (offset > 0) expect(epochs.has(after), `epoch ${after} came back`).toBe(false);
    else expect(after).toBe(epoch);
  }

  return {
    async begin() {
      for (const name of names) await beginChannel(name);
      for (let i = 0; i < READERS; i++) {
        const channel = nameOf(i % CHANNELS);
        readers.push({ channel, position: model.top(channel), from: model.top(channel), applied: [] });
      }
      for (let i = 0; i < JOINERS; i++)
        joiners.push({
          channel: nameOf(STREAMS + (i % (CHANNELS - STREAMS))),
          top: null,
          after: null,
          entries: new Map(),
        });
    },
    async take(step) {
      switch (step.kind) {
        case 'append':
          return appendAll(step.appends);
        case 'pass':
          nowMs += step.ms;
          return;
        case 'read':
          return catchUp(readers[step.reader] as Reader);
        case 'page':
          return pageOn(joiners[step.joiner] as Joiner, step.limit);
        case 'history':
          return compareHistory(step);
        case 'expire':
          return expire(step.limit);
        case 'forget':
          return forget(nameOf(step.channel));
        case 'restart':
          log = await reopen();
      }
    },
    async finish() {
      for (const reader of [...readers]) await catchUp(reader);
      for (const name of names) {
        expect(await log.top(name)).toEqual(model.top(name));
        expect((await log.entries(name, null, 100)).entries).toEqual(model.entries(name));
        for (const entry of model.entries(name)) expect(await log.entry(name, entry.key)).toEqual(entry);
      }
      await expire(100);
    },
    async forgetAll() {
      for (const name of names) await log.forget(name);
    },
  };
}

function outcomeOf(expected: Expectation): Outcome {
  if ('publication' in expected) return 'taken';
  if ('duplicate' in expected) return expected.duplicate === null ? 'duplicate elsewhere' : 'duplicate';
  if ('detail' in expected && expected.detail === 'lanes') return 'lanes full';
  return 'outdated' in expected ? 'outdated' : expected.code;
}
