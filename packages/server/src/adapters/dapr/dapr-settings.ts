import type { ErrorCode } from '@carillon/protocol';
import type { Clock } from '../../ports/clock.ts';
import type { PoisonCode } from '../../ports/source.ts';

/** What a sidecar is asked to send several events at once, for one topic. */
export type DaprBulk = {
  /** Events of one request, at most. */
  readonly maxMessages: number;
  /** How long the sidecar gathers before it sends fewer, ms. */
  readonly maxWaitMs: number;
};

/** A topic that sidecars are asked for. */
export type DaprTopic = {
  readonly name: string;
  /** What is on the topic is not wrapped in CloudEvents: Dapr must not look for one. */
  readonly rawPayload: boolean;
  /** Where the sidecar puts what was dropped; null: the sidecar's log and this node's are all that is left of it. */
  readonly deadLetterTopic: string | null;
  /** Null: each event comes alone. */
  readonly bulk: DaprBulk | null;
};

/** What is taken from Dapr's sidecars. Plain values: the configuration fills them. */
export type DaprSettings = {
  /** What a sidecar proves itself by in `dapr-api-token`. MUST NOT be empty: without a token there is no such source. */
  readonly token: string;
  /** The name of the pub/sub component. */
  readonly pubsubName: string;
  readonly topics: readonly DaprTopic[];
  /** Of one event; a larger one is dropped. */
  readonly eventBytes: number;
  /** Of a request with several events; of a larger one those are taken that fit, and the sidecar sends the rest again. */
  readonly bulkBytes: number;
  /** Requests that are worked on at once; others wait. 1 or more. */
  readonly inFlight: number;
  /** An event without a verdict after so long is answered `RETRY`, ms. It has to be less than the sidecar's own time. */
  readonly deadlineMs: number;
  /** Whether the component escapes the headers and keys of Kafka (`escapeHeaders`). */
  readonly escapedHeaders: boolean;
};

/** What the node hands in beside the settings. */
export type DaprDeps = {
  readonly clock: Clock;
  /** Unique for all practical purposes. */
  id(): string;
  /** An event was dropped that the intake never saw. */
  poison(topic: string, code: PoisonCode): void;
  /** A request was refused with this code. */
  refused(code: ErrorCode): void;
  /** A cause that an operator should see. Paced: a trouble that goes on is said now and then. */
  warn(event: string, detail: Readonly<Record<string, unknown>>): void;
};

/** All that `createDaprSource` needs. */
export type DaprSourceOptions = DaprSettings & DaprDeps;
