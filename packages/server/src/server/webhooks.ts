import type { WebhookConfig } from '../config/webhook-settings.ts';
import { createSignedPost } from '../outbound/signed-post.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventStore } from '../ports/event-store.ts';
import type { Events } from '../ports/events.ts';
import type { Secrets } from '../ports/secrets.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { KnownNodes } from '../webhooks/other-nodes.ts';
import { createWebhooks, type Webhooks } from '../webhooks/webhooks.ts';

/** How long a client may take after its resume to name its channels again ([CHN6]). */
const NAME_AGAIN_MS = 30_000;

export type OpenWebhooks = {
  readonly config: WebhookConfig | null;
  /** A session may stay away for so long, with its channels. */
  readonly graceMs: number;
  /** The nodes, where others tell of the same channels; unless given, there are none. */
  readonly shared?: KnownNodes;
  readonly clock: Clock;
  readonly secrets: Pick<Secrets, 'id' | 'fraction'>;
  readonly telemetry: Pick<Telemetry, 'warn' | 'webhook'>;
};

/** Webhooks as configured; null where nobody is told of anything. */
export async function openWebhooks(
  store: EventStore,
  { config, graceMs, shared, clock, secrets, telemetry }: OpenWebhooks,
): Promise<Webhooks | null> {
  if (config === null) return null;
  const { url, secret, settings } = config;
  const sender = createSignedPost({ url, secret, connections: settings.atOnce, answerBytes: 0, clock });
  return createWebhooks(
    { ...settings, settleMs: graceMs + NAME_AGAIN_MS, ...(shared === undefined ? {} : { shared }) },
    { sender, store, clock, secrets, telemetry },
  );
}

const nothing = (): void => undefined;

/** For servers that tell nobody. */
export const UNHEARD: Events = {
  userOnline: nothing,
  userOffline: nothing,
  channelOccupied: nothing,
  channelVacated: nothing,
};
