import type { ChannelDownMessage, Err, Ok, PublicationItem, UpMessage } from '@carillon/protocol';
import type { Line, WireObserver } from '../network/line.ts';
import type { Violations } from '../violations.ts';

type Place = { epoch: string; offset: number };
type Asked = { readonly channel: string; readonly from: number | null };
type Watched = { readonly asked: Map<number, Asked>; readonly places: Map<string, Place> };

/**
 * Holds what the server hands to a line against the protocol: behind an `ok` every publication in its order, none twice,
 * none left out without a `gap` ([REC1], [REC3]). The SDK would mend what is missing by asking again, and hide it.
 */
export function judgeChannels(inner: WireObserver, violations: Violations): WireObserver {
  const lines = new Map<Line, Watched>();

  function of(line: Line): Watched {
    let watched = lines.get(line);
    if (watched === undefined) lines.set(line, (watched = { asked: new Map(), places: new Map() }));
    return watched;
  }

  function answered(line: Line, reply: Ok | Err): void {
    const { asked, places } = of(line);
    const request = asked.get(reply.i ?? -1);
    asked.delete(reply.i ?? -1);
    if (request === undefined || reply.t === 'err' || reply.e === undefined || reply.o === undefined) return;
    if (request.from !== null && reply.rec === undefined)
      violations.found('j', `${line.client}: ${request.channel} does not say whether it was recovered`);
    const offset = reply.rec === true && request.from !== null ? request.from : reply.o;
    places.set(request.channel, { epoch: reply.e, offset });
  }

  function published(line: Line, channel: string, { o }: Pick<PublicationItem, 'o'>, text: string): void {
    const place = of(line).places.get(channel);
    if (place === undefined)
      return violations.found('j', `${line.client} is sent ${text.slice(0, 200)} unasked`);
    if (o !== place.offset + 1)
      violations.found(
        'j',
        `${line.client} has ${channel} up to ${place.offset} and is sent ${o}: ${text.slice(0, 200)}`,
      );
    place.offset = o;
  }

  return {
    arrived(line, text) {
      const message = JSON.parse(text) as UpMessage;
      const { asked, places } = of(line);
      if (message.t === 'sub') asked.set(message.i, { channel: message.c, from: message.o ?? null });
      if (message.t === 'unsub') places.delete(message.c);
      inner.arrived(line, text);
    },
    handed(line, text) {
      const message = JSON.parse(text) as ChannelDownMessage | Ok | Err;
      switch (message.t) {
        case 'ok':
        case 'err':
          answered(line, message);
          break;
        case 'p':
          published(line, message.c, message, text);
          break;
        case 'ps':
          for (const item of message.ps) published(line, message.c, item, text);
          break;
        case 'gap': {
          const place = of(line).places.get(message.c);
          if (message.why === 'resync') of(line).places.delete(message.c);
          else if (place !== undefined && message.o !== undefined) {
            if (message.e === undefined && message.o < place.offset)
              violations.found('j', `${line.client} has ${message.c} up to ${place.offset}: ${text}`);
            place.offset = message.o;
            place.epoch = message.e ?? place.epoch;
          }
          break;
        }
        default:
      }
      inner.handed(line, text);
    },
    ended(line) {
      lines.delete(line);
      inner.ended(line);
    },
  };
}
