import type { PublicationItem } from '@carillon/protocol';
import type { Publication } from './channel-events.ts';

/** A publication as the app sees it. */
export function publicationOf(epoch: string, { o, ts, by, d, ref }: PublicationItem): Publication {
  return { position: { epoch, offset: o }, atMs: ts ?? null, by: by ?? null, data: d, ref };
}
