import { MAX_EPOCH_LENGTH } from '@carillon/protocol';

/** A place in a channel ([CHN4]) as it stands on a command line: `EPOCH:OFFSET`. */
export type PositionArgument = { readonly epoch: string; readonly offset: number };

/** Reads `EPOCH:OFFSET`; null where it is none. */
export function parsePosition(text: string): PositionArgument | null {
  const colon = text.lastIndexOf(':');
  const epoch = text.slice(0, Math.max(colon, 0));
  const offset = /^\d{1,16}$/.test(text.slice(colon + 1)) ? Number(text.slice(colon + 1)) : Number.NaN;
  if (epoch === '' || epoch.length > MAX_EPOCH_LENGTH || !Number.isSafeInteger(offset)) return null;
  return { epoch, offset };
}

export function positionText({ epoch, offset }: PositionArgument): string {
  return `${epoch}:${offset}`;
}
