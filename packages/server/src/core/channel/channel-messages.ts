import type { MapEntry, Publication } from '../../ports/log.ts';

// Texts of the messages that go to many: made once each, of payloads that were encoded when they were taken.

/** The fields of a publication, in `p`, in `ps` and in pages; without the braces around them. */
function fieldsOf(publication: Publication): string {
  const { offset, atMs, by, key, version, ref, data } = publication;
  let text = `"o":${offset},"ts":${atMs}`;
  if (by !== null) text += `,"by":${JSON.stringify(by)}`;
  if (key !== null) text += `,"k":${JSON.stringify(key)}`;
  if (version !== null) text += `,"ver":${version}`;
  if (ref !== null) text += `,"ref":${JSON.stringify(ref)}`;
  return data === null ? `${text},"del":true` : `${text},"d":${data}`;
}

/** @param name the channel's name as JSON text */
export function publicationText(name: string, publication: Publication): string {
  return `{"t":"p","c":${name},${fieldsOf(publication)}}`;
}

/** The publisher's own, without the payload ([PUB4]). */
export function ownPublicationText(name: string, offset: number, request: number | null): string {
  return request === null
    ? `{"t":"p","c":${name},"o":${offset},"own":true}`
    : `{"t":"p","c":${name},"o":${offset},"own":true,"i":${request}}`;
}

/** A publication as an item of a list. */
export function itemText(publication: Publication): string {
  return `{${fieldsOf(publication)}}`;
}

/** A list of items as the texts of `ps` messages, each of about `units` at most. */
export function replayTexts(
  name: string,
  publications: readonly Publication[],
  units: number,
): readonly string[] {
  const texts: string[] = [];
  const head = `{"t":"ps","c":${name},"ps":[`;
  let text = head;
  for (const publication of publications) {
    const item = itemText(publication);
    if (text.length > head.length) {
      if (text.length + item.length > units) {
        texts.push(`${text}]}`);
        text = head;
      } else text += ',';
    }
    text += item;
  }
  if (text.length > head.length) texts.push(`${text}]}`);
  return texts;
}

export function entryText(entry: MapEntry): string {
  return `{${fieldsOf(entry)}}`;
}

/** One signal as an item of `sig`. */
export function signalText(session: string, by: string | null, key: string | null, data: string): string {
  const user = by === null ? '' : `,"by":${JSON.stringify(by)}`;
  const named = key === null ? '' : `,"k":${JSON.stringify(key)}`;
  return `{"id":${JSON.stringify(session)}${user}${named},"d":${data}}`;
}
