import type { Patterns } from '../../core/channel/patterns.ts';
import type { ClosingIntake, SourceEvent, Verdict } from '../../ports/source.ts';
import type { Prepared, Publisher } from '../channels/publishing.ts';
import type { NodePorts, NodeSettings } from '../node-options.ts';
import type { FeedResult } from '../../ports/telemetry.ts';
import { RETRY_UNAVAILABLE_MS } from '../retry.ts';
import { createEventReader, type ReadEvent } from './reading-events.ts';
import { createTurnsByKey } from './turns-by-key.ts';

/** The pause behind a first failure of the log; each further one doubles it. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** The intake of a node. */
export type IntakeRuntime = ClosingIntake & {
  /** Pauses that run. */
  readonly timers: number;
  /** How often an event stands behind another of its lane or of one of its channels. */
  readonly waiting: number;
};

type Appended =
  | { readonly result: 'kept'; readonly duplicate: boolean }
  | Extract<Verdict, { readonly result: 'poison' | 'unavailable' }>;

/**
 * Takes events in: reads them in the order of their lane, appends in the order of each channel, and tries again for as long
 * as the log does not take them.
 */
export function createIntake(
  {
    ports: { clock, telemetry },
    settings: { feeds },
  }: {
    readonly ports: Pick<NodePorts, 'clock' | 'telemetry'>;
    readonly settings: Pick<NodeSettings, 'feeds'>;
  },
  patterns: Patterns,
  publisher: Pick<Publisher, 'prepare' | 'append'>,
): IntakeRuntime {
  const readEvent = createEventReader(feeds, clock, patterns, publisher);
  const lanes = createTurnsByKey();
  const channels = createTurnsByKey();
  /** Ends each pause that runs. */
  const pauses = new Set<() => void>();
  let closed = false;

  /** Resolves after the time, or at once where nobody waits for what is behind it any more. */
  function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    function end(): void {
      timer.cancel();
      pauses.delete(end);
      signal?.removeEventListener('abort', end);
      resolve();
    }
    const timer = clock.setTimer(ms, end);
    pauses.add(end);
    signal?.addEventListener('abort', end);
    if (signal?.aborted === true) end();
    return promise;
  }

  async function keep(
    event: SourceEvent,
    prepared: Prepared,
    signal: AbortSignal | undefined,
  ): Promise<Appended> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      if (closed || signal?.aborted === true) return LATE;
      const kept = await publisher.append(prepared);
      if (kept.ok) return { result: 'kept', duplicate: kept.duplicate || kept.outdated };
      if (kept.code === 'limit_reached')
        return {
          result: 'poison',
          code: 'limit_reached',
          detail: `${prepared.draft.channel}: ${kept.detail}`,
        };
      if (kept.code !== 'unavailable')
        return {
          result: 'poison',
          code: 'publication_invalid',
          detail: `${prepared.draft.channel}: ${kept.detail}`,
        };
      // Those of its channel wait behind it: what comes later must not be kept earlier.
      if (pauseMs > FIRST_PAUSE_MS) telemetry.warn('feed_waits_for_log', { place: event.place, pauseMs });
      await pause(pauseMs, signal);
    }
  }

  /** Takes its place on each channel before anything behind it in its lane is read. */
  function enter(
    event: SourceEvent,
    read: ReadEvent,
    signal: AbortSignal | undefined,
  ): readonly Promise<Appended>[] | Verdict {
    if (!read.ready) return read.verdict;
    return read.prepared.map(
      async (one) => (await channels.take(one.draft.channel, () => keep(event, one, signal), signal)) ?? LATE,
    );
  }

  /** A schema that did not answer may do so the next time. */
  async function readUntil(event: SourceEvent, signal: AbortSignal | undefined): Promise<ReadEvent> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const read = await readEvent(event);
      if (read.ready || read.verdict.result !== 'unavailable' || closed || signal?.aborted === true)
        return read;
      telemetry.warn('feed_waits_for_schema', { place: event.place, pauseMs });
      await pause(pauseMs, signal);
    }
  }

  async function judge(event: SourceEvent, signal: AbortSignal | undefined): Promise<Verdict> {
    if (closed) return CLOSED;
    const entered = await lanes.take(
      event.lane,
      async () => ({ is: enter(event, await readUntil(event, signal), signal) }),
      signal,
    );
    if (entered === null) return LATE;
    return 'result' in entered.is ? entered.is : verdictOf(await Promise.all(entered.is));
  }

  /** As `judge`, and not a moment longer than the signal: it may stand behind others that have no deadline. */
  async function judgeInTime(event: SourceEvent, signal: AbortSignal): Promise<Verdict> {
    const late = Promise.withResolvers<Verdict>();
    const giveUp = (): void => late.resolve(LATE);
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp);
    try {
      return await Promise.race([late.promise, judge(event, signal)]);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  return {
    async take(event, signal) {
      const startedMs = clock.monotonicMs();
      const verdict = await (signal === undefined ? judge(event, signal) : judgeInTime(event, signal));
      // Whoever brings events may call a topic anything; metrics have labels for what is configured.
      const topic = feeds.topics.has(event.topic) ? event.topic : '';
      telemetry.feedEvent(event.source, topic, resultOf(verdict), clock.monotonicMs() - startedMs);
      return verdict;
    },
    close() {
      closed = true;
      for (const end of [...pauses]) end();
    },
    get timers() {
      return pauses.size;
    },
    get waiting() {
      return lanes.waiting + channels.waiting;
    },
  };
}

const LATE = {
  result: 'unavailable',
  detail: 'the log did not take it in time',
  retryAfterMs: RETRY_UNAVAILABLE_MS,
} as const satisfies Verdict;

const CLOSED: Verdict = {
  result: 'unavailable',
  detail: 'the node is going down',
  retryAfterMs: LONGEST_PAUSE_MS,
};

/** What was not kept for now outweighs what never will be: brought again, the event has the rest kept, and is refused then. */
function verdictOf(appended: readonly Appended[]): Verdict {
  let duplicate = true;
  let poison: Verdict | undefined;
  for (const one of appended) {
    if (one.result === 'unavailable') return one;
    if (one.result === 'poison') poison = one;
    else if (one.result === 'kept') duplicate &&= one.duplicate;
  }
  return poison ?? { result: 'applied', duplicate };
}

function resultOf(verdict: Verdict): FeedResult {
  switch (verdict.result) {
    case 'applied':
      return verdict.duplicate ? 'duplicate' : 'applied';
    case 'poison':
      return verdict.code;
    default:
      return verdict.result;
  }
}
