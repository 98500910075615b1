import type { HistoryPage, MapPage, Publication } from '../../ports/log.ts';
import { type Encoded, encoded } from './replies.ts';

// Pages as JSON text. Payloads are put in as they are kept: a page of a thousand would otherwise be parsed and written
// anew while everybody else waits.

export function historyText({ top, publications, more, floor }: HistoryPage): Encoded {
  const head = `{"top":${JSON.stringify(top)},"more":${more},"floor":${floor}`;
  return encoded(`${head},"publications":[${publications.map(publicationText).join(',')}]}`);
}

export function entriesText({ top, entries, next }: MapPage): Encoded {
  const tail = next === null ? '' : `,"next":${JSON.stringify(next)}`;
  return encoded(
    `{"top":${JSON.stringify(top)},"entries":[${entries.map(publicationText).join(',')}]${tail}}`,
  );
}

function publicationText({ offset, atMs, by, key, version, ref, data }: Publication): string {
  let text = `{"offset":${offset},"atMs":${atMs}`;
  if (by !== null) text += `,"by":${JSON.stringify(by)}`;
  if (key !== null) text += `,"key":${JSON.stringify(key)}`;
  if (version !== null) text += `,"version":${version}`;
  if (ref !== null) text += `,"ref":${JSON.stringify(ref)}`;
  return data === null ? `${text},"del":true}` : `${text},"data":${data}}`;
}
