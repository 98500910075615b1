import type {
  AnswerMessage,
  AskMessage,
  EndMessage,
  NodeNotice,
  SubscriptionOrder,
} from '../../ports/broker.ts';
import type { LeasedDevice } from '../../ports/presence.ts';
import type { Asking } from '../channels/asking-face.ts';
import type { ChannelsApi } from '../channels/channels-api.ts';
import type { LinesApi } from '../node-api.ts';
import type { RelayRequest } from './relay.ts';

/** Operations whose answer lies on several nodes. */
export type Spread = Pick<
  ChannelsApi,
  'disconnect' | 'sessionsOf' | 'session' | 'channels' | 'channelInfo' | 'unsubscribeUser' | 'recheckRole'
>;

export type ClusterOperations = Spread & {
  collectElsewhere: Asking['collect'];
  /** The other nodes that have a lease. */
  others(): readonly string[];
  /** The other nodes on which the user has sessions. */
  nodesOf(user: string): Promise<readonly string[]>;
  /** Has nodes do what was published for them as well, for pub/sub loses silently. False where one does not answer. */
  makeSure(nodes: readonly string[], order: SubscriptionOrder | EndMessage): Promise<boolean>;
  /** Carries out what another node asks of this one. Rejects what it does not know. */
  serve(request: RelayRequest): Promise<unknown>;
};

/** What a node does as one of many. */
export type ClusterRuntime = {
  readonly operations: ClusterOperations;
  readonly lines: LinesApi;
  /**
   * Takes the lease and makes itself known. Rejects where the lease cannot be had.
   *
   * @param adopt HTTP statuses of dead nodes, which this one looks after from then on
   */
  start(adopt: (leases: readonly LeasedDevice[]) => void): Promise<void>;
  receive(message: AskMessage | AnswerMessage | NodeNotice): void;
  /** Gives the lease back: what clients have left is swept one grace from now. Never rejects. */
  stop(): Promise<void>;
  readonly timers: number;
};
