import * as z from 'zod';
import { signingSecretProblem } from '../outbound/signature.ts';
import { shownTarget, targetProblem } from '../outbound/target.ts';
import type { EventType } from '../ports/event-store.ts';
import { EVENT_TYPES } from '../webhooks/webhook-event.ts';
import { DEFAULT_WEBHOOKS, type WebhookSettings } from '../webhooks/webhooks.ts';
import { list, text, urlAndSecret, whole } from './setting.ts';

/** Where an app is told what happens, and how. */
export type WebhookConfig = {
  readonly url: URL;
  readonly secret: string;
  readonly settings: Omit<WebhookSettings, 'settleMs'>;
};

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

export const webhooksSchema = z
  .strictObject({
    url: text(
      'Address that is told who comes and goes, and which channels are used; https, or http on loopback.',
      { env: 'CARILLON_WEBHOOK_URL' },
      targetProblem,
    ).optional(),
    secret: text(
      'Secret of at least 32 bytes that signs webhooks.',
      { env: 'CARILLON_WEBHOOK_SECRET', secret: true },
      signingSecretProblem,
    ).optional(),
    events: list('What is told.', {}, (event) =>
      isEventType(event) ? undefined : `is none of ${EVENT_TYPES.join(', ')}`,
    ).default([...EVENT_TYPES]),
    timeoutMs: whole('How long an attempt may take.', DEFAULT_WEBHOOKS.timeoutMs, 100, 5 * MINUTE),
    atOnce: whole('Attempts at once.', DEFAULT_WEBHOOKS.atOnce, 1, 100),
    queued: whole(
      'Events that wait at most; beyond it those go first that a later one of the same user or channel supersedes.',
      DEFAULT_WEBHOOKS.queued,
      100,
      1_000_000,
    ),
    maxAgeMs: whole(
      'An event that is older is not tried again when it could not be delivered.',
      DEFAULT_WEBHOOKS.maxAgeMs,
      MINUTE,
      30 * DAY,
    ),
  })
  .superRefine(urlAndSecret('webhooks'));

/** Null where nobody is told. */
export function toWebhookConfig({
  url: address,
  secret,
  events,
  ...numbers
}: z.output<typeof webhooksSchema>): WebhookConfig | null {
  if (address === undefined || secret === undefined) return null;
  const url = new URL(address);
  return {
    url,
    secret,
    settings: { ...numbers, receiver: shownTarget(url), types: new Set(events.filter(isEventType)) },
  };
}

function isEventType(text: string): text is EventType {
  return (EVENT_TYPES as readonly string[]).includes(text);
}
