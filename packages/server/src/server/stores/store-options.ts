import type { Probe } from '../../ops/readiness.ts';
import type { DatabaseConfig } from '../../config/database.ts';
import type { RedisConfig } from '../../config/redis-settings.ts';
import type { WebhookConfig } from '../../config/webhook-settings.ts';
import type { LaneLimits } from '../../core/channel/lane-marks.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Secrets } from '../../ports/secrets.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { NodePorts } from '../../runtime/node-options.ts';

export type StoreOptions = {
  readonly database: DatabaseConfig;
  /** What several nodes share; null: this one is alone. */
  readonly redis: RedisConfig | null;
  readonly graceMs: number;
  /** How long and how many lanes are kept, of each log. */
  readonly laneLimits: LaneLimits;
  /** Whether the contract has channels whose history is stored: only then there is a file for it. */
  readonly storesChannels: boolean;
  /** Whether it has channels of which a replica of Redis must have what is acknowledged. */
  readonly replicatesChannels: boolean;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly secrets: Pick<Secrets, 'token' | 'id' | 'fraction'>;
  /** Who is told what happens; null: nobody. */
  readonly webhooks: WebhookConfig | null;
  /** Told once if nothing can be stored any more, whatever is tried, until the process is started again. */
  readonly onFailed: (reason: string) => void;
};

export type Stores = Pick<
  NodePorts,
  | 'clock'
  | 'cluster'
  | 'sessions'
  | 'presence'
  | 'members'
  | 'directory'
  | 'broker'
  | 'logs'
  | 'documents'
  | 'revocations'
  | 'events'
  | 'stamps'
  | 'seen'
  | 'steadyMs'
> & {
  /** A secret of the server's own, the same after every restart. */
  readonly ownSecret: string;
  /**
   * From here on the process notes that it lives. Called once what an earlier life left has been taken up, whose times
   * are measured from its own last sign of life. What happened is delivered from here on.
   */
  beginLife(): void;
  /** Whether the stores can be used: each by itself, so that one that is missing is named. */
  readonly probes: readonly Probe[];
  /** Commits what was written and closes everything. */
  close(): Promise<void>;
};
