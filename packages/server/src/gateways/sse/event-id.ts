import { MAX_EPOCH_LENGTH } from '@carillon/protocol';

/** Where somebody left off, and that they were there: what an event's id says ([TKT2]). */
export type EventId = { readonly epoch: string; readonly offset: number; readonly proof: string | null };

/** `epoch:offset`, and behind a `~` the proof. An epoch may hold colons. */
const EVENT_ID = /^(.*):(\d{1,16})(?:~([\w-]{1,64}))?$/s;

/** @returns null where the text is no position */
export function parseEventId(text: string): EventId | null {
  const parts = EVENT_ID.exec(text);
  if (parts === null) return null;
  const [, epoch = '', digits = '', proof = null] = parts;
  const offset = Number(digits);
  if (epoch === '' || epoch.length > MAX_EPOCH_LENGTH || !Number.isSafeInteger(offset)) return null;
  return { epoch, offset, proof };
}

export function eventIdText({ epoch, offset, proof }: EventId): string {
  return proof === null ? `${epoch}:${offset}` : `${epoch}:${offset}~${proof}`;
}
