/** What an event is made of, as it came: nobody has looked into it yet. */
export type EventContent =
  /** `type` is the content type where one was said ('application/json' unless it was). */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly type: string | null }
  /** Somebody had to read it already: a value of JSON. */
  | { readonly kind: 'value'; readonly value: unknown };

/** An event of another system, as a source brings it. */
export type SourceEvent = {
  /** Who brings it, for metrics: `kafka`, `dapr`, `outbox`, `http`. */
  readonly source: string;
  /** What the configuration maps by: the topic of Kafka or Dapr, the `topic` of an outbox row or of `POST /v1/events`. */
  readonly topic: string;
  /** Where it stood, for logs and dead letters: `task-updates/3@1201`. */
  readonly place: string;
  /** Events of one lane are taken in the order in which they were brought: a partition, a request. */
  readonly lane: string;
  /** The key it was published under; null: none. */
  readonly key: string | null;
  /** What came beside the content; names in lower case. `ce_id` of Kafka and `ce-id` of HTTP are both CloudEvents attributes. */
  readonly headers: Readonly<Record<string, string>>;
  /** The id its source knows it by; null: it stands in the headers or in the content. */
  readonly id: string | null;
  /** When it happened or was produced, ms since the epoch; null: it stands in the content, or nobody knows. */
  readonly atMs: number | null;
  readonly content: EventContent;
};

/** Why an event can never be applied, however often it is brought. docs/feeds.md lists the same. */
export type PoisonCode =
  /** It is too large, no JSON, not UTF-8, no CloudEvent where it says so. */
  | 'event_unreadable'
  | 'event_too_large'
  | 'event_id_missing'
  /** The schema of its topic refuses it. */
  | 'event_invalid'
  /** The mapping threw. */
  | 'mapping_failed'
  /** What it was mapped to is no publication: a channel that is none, a key that is missing, a payload that does not fit. */
  | 'publication_invalid'
  /** The channel may hold no more keys. */
  | 'limit_reached'
  /** Nothing is mapped for its topic, or the mapping knows no such event, and the configuration wants to be told. */
  | 'event_unknown';

/** What became of an event. */
export type Verdict =
  /** All that it was mapped to is kept at the channels' level. `duplicate`: all of it had been before. */
  | { readonly result: 'applied'; readonly duplicate: boolean }
  /** The mapping wanted nothing of it, or knows no such event. */
  | { readonly result: 'ignored' }
  | { readonly result: 'poison'; readonly code: PoisonCode; readonly detail: string }
  /** Not now: the caller's time was over before the log took all of it. What was taken is known again by the event's id. */
  | { readonly result: 'unavailable'; readonly detail: string; readonly retryAfterMs: number };

/**
 * Takes events in. `take` never rejects.
 *
 * - Events of one lane reach each channel in the order in which they were brought, whatever fails between: one that the
 *   log cannot take is tried again, and those behind it on the same channel wait.
 * - `take` ends with `unavailable` only where `signal` was aborted before everything was kept. Without a signal it goes on
 *   trying as long as the node lives.
 * - Whoever brings an event MUST take it for done only behind its verdict, and not behind `unavailable`.
 * - Whoever brings events MUST bound how many it has not had a verdict of.
 */
export interface Intake {
  take(event: SourceEvent, signal?: AbortSignal): Promise<Verdict>;
}

/** An intake that ends. */
export interface ClosingIntake extends Intake {
  /** Whatever still waits for the log has the verdict `unavailable` at once, and so has whatever is brought. */
  close(): void;
}

/** How far a source is, for metrics: of each partition, or whatever else it counts by. */
export type SourcePosition = {
  readonly topic: string;
  readonly partition: string;
  /** Events that are done, or the offset behind the last that is. */
  readonly position: number;
  /** Events that wait at the source behind it; null: not known. */
  readonly lag: number | null;
};

/**
 * Brings events of another system. Foreign words stop here.
 *
 * - `start` MUST resolve once it is set up to bring events, or reject with a reason an operator can act on where it never can
 *   (a topic that does not exist, credentials that are wrong). What fails later is warned of and tried again.
 * - An event MUST be brought again until it had a verdict other than `unavailable`, also behind a crash.
 * - Poison MUST be put where somebody can look at it (a dead-letter topic, a column), with the code and the detail, before the
 *   event is taken for done; it MUST NOT hold up those behind it.
 * - `stop` MUST bring nothing more, wait for the verdicts of what was brought, note how far it is, and resolve.
 */
export interface Source {
  /** Names it in metrics and logs: `kafka`, `dapr`, `outbox`. */
  readonly name: string;
  start(intake: Intake): Promise<void>;
  stop(): Promise<void>;
  /** Null while it is well; else why it brings nothing, in one line, for /ready and the log. */
  trouble(): string | null;
  positions(): readonly SourcePosition[];
}
