import type { Append, AppendResult, MapEntry, Position } from '../../ports/log.ts';
import { listOf, readPublication, textOf } from './log-text.ts';
import type { Reply } from './redis-link.ts';

/** What became of an append, off the answer of its script. */
export function appendResult({ by, data, key, version, ref, nowMs }: Append, reply: Reply): AppendResult {
  const [what, first, second] = listOf(reply);
  switch (what) {
    case 'appended': {
      const publication = { offset: Number(second), atMs: nowMs, by, data, key, version, ref };
      return { ok: true, epoch: textOf(first), publication };
    }
    case 'duplicate':
      return { ok: true, duplicate: first === undefined ? null : positionOf(first, second) };
    case 'outdated':
      return { ok: true, outdated: positionOf(first, second) };
    case 'conflict':
      return { ok: false, code: 'conflict', top: positionOf(first, second) };
    case 'id_reused':
      return { ok: false, code: 'id_reused' };
    default: {
      const held = Number(first);
      return { ok: false, code: 'limit_reached', detail: limitDetail(second, held) };
    }
  }
}

function limitDetail(what: Reply | undefined, held: number): string {
  switch (what) {
    case 'keys':
      return `the map has ${held} keys, as many as it may`;
    case 'lanes':
      return `${held} lanes are held of this user and channel, as many as may be`;
    default:
      return `${held} ids are held of this channel`;
  }
}

export function positionOf(epoch: Reply | undefined, offset: Reply | undefined): Position {
  return { epoch: textOf(epoch), offset: Number(offset) };
}

/** Reads a key of a map, which is kept with its offset before its text. */
export function readEntry(text: string): MapEntry {
  return readPublication(Number.parseInt(text, 10), text) as MapEntry;
}
