import type { EventType, StoredEvent } from '../ports/event-store.ts';

/** What an app is told of. `atMs`: when it happened, ms since the epoch. */
export type WebhookEvent =
  | { readonly type: 'user.online' | 'user.offline'; readonly user: string; readonly atMs: number }
  | {
      readonly type: 'channel.occupied' | 'channel.vacated';
      readonly channel: string;
      readonly atMs: number;
    };

export const EVENT_TYPES = [
  'user.online',
  'user.offline',
  'channel.occupied',
  'channel.vacated',
] as const satisfies readonly EventType[];

/** The body of a webhook, as Standard Webhooks recommends it: type, time (RFC 3339) and data. */
export function bodyOf({ type, subject, atMs }: StoredEvent): string {
  return JSON.stringify({
    type,
    timestamp: new Date(atMs).toISOString(),
    data: { [subject.kind]: subject.name },
  });
}
