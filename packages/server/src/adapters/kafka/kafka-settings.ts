import type { Clock } from '../../ports/clock.ts';

/** How a node proves to the brokers who it is. */
export type KafkaSasl = {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly username: string;
  readonly password: string;
};

/** Each in PEM; null: not given. */
export type KafkaTls = {
  /** Authorities that may have signed the brokers' certificates; null: those that the system trusts. */
  readonly ca: string | null;
  /** The node's own certificate and key, where brokers ask for one. */
  readonly cert: string | null;
  readonly key: string | null;
  /** The name that the brokers' certificates are for; null: the one that they are reached by. */
  readonly serverName: string | null;
};

/** What a consumer group of all nodes takes from which brokers. Plain values: the configuration fills them. */
export type KafkaSettings = {
  /** `host:port`, of which one has to answer. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** All nodes of a deployment name the same. */
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Where to begin in a partition of which the group has committed nothing, or of which the brokers kept less. */
  readonly from: 'earliest' | 'latest';
  /** Where poison goes; null: it is warned of and left behind. It MUST NOT be one of `topics`. */
  readonly deadLetterTopic: string | null;
  readonly sasl: KafkaSasl | null;
  /** Null: no TLS. */
  readonly tls: KafkaTls | null;
  /** Events that may be without a verdict; fetching pauses at it. 1 or more. */
  readonly inFlight: number;
  /** A node that is silent for so long, in ms, loses its partitions to the others. Brokers allow 6 s and more unless told otherwise. */
  readonly sessionMs: number;
};

/** What the node hands in beside the settings. */
export type KafkaDeps = {
  readonly clock: Clock;
  /** From 0 to below 1. */
  random(): number;
  /** A cause that an operator should see. Paced: a trouble that goes on is said now and then. */
  warn(event: string, detail: Readonly<Record<string, unknown>>): void;
};

/** All that `createKafkaSource` needs. */
export type KafkaSourceOptions = KafkaSettings & KafkaDeps;

/** How fast a source reacts, in ms. What suits brokers in production is `usualTiming`. */
export type KafkaTiming = {
  /** Between two signs of life to the group; a third of `sessionMs` where that is less. */
  readonly heartbeatMs: number;
  /** How long a rebalance waits for a member that is slow to join again. */
  readonly rebalanceMs: number;
  /** How long a broker holds a fetch that has nothing to bring. */
  readonly fetchWaitMs: number;
  /** Between two commits: what is brought again behind a crash at most, in time. */
  readonly commitMs: number;
  /** Before what failed is tried again: the first time, and at most (doubling between). */
  readonly retryMs: number;
  readonly longestRetryMs: number;
  /** Between two looks at how long the partitions are that are not being fetched. */
  readonly lagMs: number;
  /** How long `stop` waits for verdicts; what has none by then is brought again to whoever comes next. */
  readonly stopMs: number;
};

export const usualTiming: KafkaTiming = {
  heartbeatMs: 3_000,
  rebalanceMs: 30_000,
  fetchWaitMs: 500,
  commitMs: 200,
  retryMs: 200,
  longestRetryMs: 5_000,
  lagMs: 5_000,
  stopMs: 10_000,
};
