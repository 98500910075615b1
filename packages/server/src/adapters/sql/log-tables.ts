import type { Generated } from 'kysely';

/** The log's tables, as migrations-log/ makes them. */
export type LogTables = {
  log_state: LogState & { id: number; era: string };
  channels: Omit<ChannelRow, 'id'> & { id: Generated<number> };
  dropped_channels: { name: string; turn: number };
  publications: PublicationRow & { channel: number; units: number };
  entries: Omit<PublicationRow, 'key'> & { channel: number; key: Buffer; expires_at_ms: number | null };
  lanes: {
    channel: string;
    scope: Buffer;
    queue: Buffer;
    number: number;
    epoch: string;
    offset: number;
    at_ms: number;
  };
  ids: { channel: number; id: Buffer; offset: number; at_ms: number; print: Buffer };
};

/** What changes of the log as a whole. */
export type LogState = {
  commits: number;
  turns: number;
  untouched: number;
  channels: number;
  publications: number;
  keys: number;
  dropped: number;
  lanes: number;
};

export type ChannelRow = {
  id: number;
  name: string;
  turn: number;
  top: number;
  floor: number;
  units: number;
  keys: number;
  tombstones: number;
  ids: number;
  keep_count: number;
  keep_age_ms: number;
  keep_units: number;
  keep_keys: number;
  keep_once_ms: number;
  due_ms: number | null;
};

export type PublicationRow = {
  offset: number;
  at_ms: number;
  version: number | null;
  by_user: string | null;
  key: Buffer | null;
  data: string | null;
  ref: string | null;
};

/** A turn of the era, as an epoch. */
export function epochOf(era: string, turn: number): string {
  return turn === 0 ? era : `${era}.${turn}`;
}

/** UTF-16BE: compared byte by byte it sorts as the text's UTF-16 units do, and it keeps lone surrogates. */
export function toUnits(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

export function fromUnits(bytes: Buffer): string {
  return bytes.swap16().toString('utf16le');
}
