import type { Inspection } from '../inspection.ts';
import type { Outbox } from '../outbox/outbox-part.ts';
import type { PresenceClient } from '../presence-client.ts';
import type { WireLog } from './wire-log.ts';

/** Any client: of any contract and with any fields, with channels or without. */
export type AnyClient = PresenceClient<never> & { readonly outbox?: Outbox | null };

/** What the panel is about. */
export type Subject = {
  readonly client: AnyClient;
  readonly inspection: Inspection;
  readonly log: WireLog;
  /** When the line went that was there while the panel was open, by the inspection's `nowMs`; null: it is there, or nobody saw it go. */
  droppedAtMs(): number | null;
};

/** One page of the panel. */
export type View = {
  readonly title: string;
  readonly element: HTMLElement;
  /** Beside the title; empty: nothing. */
  badge(): string;
  /** Shows what is now. Called only while the page is looked at. */
  update(): void;
};
