/** What a user did and the server has not answered, kept over reloads: an option of `createClient`. */
export { type OutboxOptions, createOutbox } from './create-outbox.ts';
export { type IndexedDbOptions, indexedDbStore } from './indexed-db-store.ts';
export { memoryStore } from './memory-store.ts';
export type { Outbox, OutboxEntry, OutboxHost, OutboxOption, OutboxPart } from './outbox-part.ts';
export type { OutboxBox, OutboxSharing, OutboxStore } from './outbox-store.ts';
export type { OutboxState } from '../core/outbox/outbox-events.ts';
