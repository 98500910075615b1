import type { Intake, PoisonCode, SourceEvent, SourcePosition, Verdict } from '../../ports/source.ts';
import type { DaprSourceOptions } from './dapr-settings.ts';

/** What a sidecar is told of one event; `code` and `detail` are for people who look at its traffic. */
export type Answer = {
  readonly status: 'SUCCESS' | 'RETRY' | 'DROP';
  readonly code?: PoisonCode | 'unavailable';
  readonly detail?: string;
};

/** It comes again, and perhaps to another node. */
export const NOT_NOW: Answer = {
  status: 'RETRY',
  code: 'unavailable',
  detail: 'this node takes no events at the moment',
};

/** One request: how long it may take, and what the intake has of it. */
export type Work = {
  readonly signal: AbortSignal;
  /** Resolves when the signal is aborted. One for all events of a request. */
  readonly late: Promise<void>;
  /** Is added to: what resolves when the intake is done with an event. */
  readonly held: Promise<unknown>[];
};

/** Hands events to the intake, and makes of its verdicts what a sidecar understands. */
export type Taker = {
  start(intake: Intake): void;
  /** Takes nothing more, and resolves when everything that was taken has its verdict. */
  stop(): Promise<void>;
  /** Resolves no later than the time of its request is over, whatever the intake does. */
  take(event: SourceEvent, work: Work): Promise<Answer>;
  /** Of an event that the intake never saw. */
  drop(event: Pick<SourceEvent, 'topic' | 'place'>, code: PoisonCode, detail: string): Answer;
  positions(): readonly SourcePosition[];
};

export function createTaker({
  topics,
  pubsubName,
  warn,
  poison,
}: Pick<DaprSourceOptions, 'topics' | 'pubsubName' | 'warn' | 'poison'>): Taker {
  const done = new Map(topics.map(({ name }) => [name, 0]));
  const underWay = new Set<Promise<Verdict>>();
  let intake: Intake | null = null;

  /** Of topics that this node asked for: others could be any number. */
  function count(topic: string): void {
    const before = done.get(topic);
    if (before !== undefined) done.set(topic, before + 1);
  }

  function dropped(
    { topic, place }: Pick<SourceEvent, 'topic' | 'place'>,
    code: PoisonCode,
    detail: string,
  ): Answer {
    count(topic);
    // Without a dead-letter topic this line is all that is left of it.
    warn('dapr_event_dropped', { topic, place, code, detail });
    return { status: 'DROP', code, detail };
  }

  function answerOf(event: SourceEvent, verdict: Verdict): Answer {
    switch (verdict.result) {
      case 'applied':
      // Nothing is wrong with it, only nobody wants it: DROP would put it on the dead-letter topic.
      case 'ignored':
        count(event.topic);
        return { status: 'SUCCESS' };
      case 'poison':
        return dropped(event, verdict.code, verdict.detail);
      case 'unavailable':
        return { status: 'RETRY', code: 'unavailable', detail: verdict.detail };
    }
  }

  return {
    start(given) {
      intake = given;
    },
    async stop() {
      intake = null;
      await Promise.all(underWay);
    },
    async take(event, { signal, late, held }) {
      if (intake === null) return NOT_NOW;
      const verdict = intake.take(event, signal);
      underWay.add(verdict);
      const over = verdict.then(() => underWay.delete(verdict));
      held.push(over);
      const reached = await Promise.race([verdict, late]);
      // What is reached later counts for nothing: the event comes again.
      return reached === undefined ? NOT_NOW : answerOf(event, reached);
    },
    drop(event, code, detail) {
      poison(event.topic, code);
      return dropped(event, code, detail);
    },
    positions: () =>
      [...done].map(([topic, position]) => ({ topic, partition: pubsubName, position, lag: null })),
  };
}

/** What a size is refused with. */
export function sizeDetail(bytes: number, maxBytes: number): string {
  return `it has ${bytes} bytes, and at most ${maxBytes} are taken`;
}
