import type { PublishCommand } from '../core/channels/channel-events.ts';

/** What the app says of a publication beside its payload. */
export type PublishRequest = Omit<PublishCommand, 'type' | 'ticket' | 'data' | 'lane'> & {
  readonly durable?: boolean | undefined;
};
