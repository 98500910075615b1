import { MAX_PRESENCE_VALUE_LENGTH, RESERVED_FIELD_NAMES } from '@carillon/protocol';
import { CarillonError } from './carillon-error.ts';
import type { DefaultField } from './core/friends.ts';
import type { Transport } from './core/events.ts';
import type { Codec, FetchLike, WebSocketConstructor } from './platform.ts';
import type { StorageLike } from './resume-keeper.ts';
import type { TabSharing } from './tabs/tab-sharing.ts';

/** What every connection can be told. */
export type LinkOptions = {
  /** Where the server listens: `wss://…/ws`, also as https, or relative to the page. */
  readonly url: string;
  /** The user's id; equals the `sub` of the login token. */
  readonly username: string;
  /**
   * The login token, or what gives one. A callback is asked for the first login, before the token runs out, and after it
   * was refused as expired; when it throws, it is asked again after a pause. A fixed token that ran out ends the client.
   */
  readonly token: string | (() => string | Promise<string>);
  /** Sessions of one device share its status. Absent: each session is a device of its own. */
  readonly device?: string | undefined;
  /** Keeps the session and the own status over a reload. Absent: the page's sessionStorage, elsewhere none. Null: none. */
  readonly storage?: StorageLike | null | undefined;
  /** Absent: the global one. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** `messagePack` of `@carillon/client/messagepack`: fewer bytes over WebSockets. Absent: JSON. */
  readonly codec?: Codec | undefined;
  /** Absent: the global one. What falls back where WebSocket does not work is sent by it. */
  readonly fetch?: FetchLike | undefined;
  /** The ways to the server that may be used, the best first. Absent: `websocket`, `sse`, `longpoll`. */
  readonly transports?: readonly Transport[] | undefined;
  /** Sees every message as it goes over the wire. It sees login and resume tokens too: do not log them. */
  readonly onWire?: ((direction: 'up' | 'down', text: string) => void) | undefined;
};

export type ConnectionOptions<Field extends string = DefaultField> = LinkOptions & {
  /** The presence fields that the server is configured with. Absent: `a`, `p` and `l`. */
  readonly fields?: readonly Field[] | undefined;
  /** The most characters of each field, where the server is configured with another length than 128. */
  readonly fieldLengths?: { readonly [F in Field]?: number } | undefined;
  /** `shareTabs()` of `@carillon/client/tabs`: tabs of one browser share one connection. Absent: each has its own. */
  readonly tabs?: TabSharing | undefined;
};

/** The most characters of a presence field's value on a server that configures no length (docs/configuration.md). */
export const DEFAULT_FIELD_LENGTH = 128;

/** Names that a friend or an own status has beside its fields. */
const OWN_NAMES: readonly string[] = ['id', 'status', 'lastSeen'];

/**
 * The most characters of each presence field, by its name.
 *
 * @throws CarillonError `fields_invalid` for a name that the protocol or the SDK uses itself, a length that no server has,
 * and a length of a field that is not named
 */
export function lengthsOf(
  fields: readonly string[],
  lengths: Readonly<Record<string, number | undefined>> = {},
): ReadonlyMap<string, number> {
  for (const field of [...fields, ...Object.keys(lengths)]) {
    if (RESERVED_FIELD_NAMES.has(field) || OWN_NAMES.includes(field) || !fields.includes(field))
      throw new CarillonError('fields_invalid', field);
  }
  return new Map(
    fields.map((field) => {
      const most = lengths[field] ?? DEFAULT_FIELD_LENGTH;
      if (!(most >= 1 && most <= MAX_PRESENCE_VALUE_LENGTH))
        throw new CarillonError('fields_invalid', `${field}: ${most}`);
      return [field, most];
    }),
  );
}

/** @throws CarillonError `url_invalid` */
export function webSocketUrl(url: string, baseUrl: string | undefined): string {
  const parsed = parse(url, baseUrl);
  if (parsed === null || !/^(ws|http)s?:$/.test(parsed.protocol)) {
    throw new CarillonError('url_invalid', url);
  }
  parsed.protocol = parsed.protocol.replace('http', 'ws');
  // The WebSocket constructor refuses an address with a fragment.
  parsed.hash = '';
  return parsed.href;
}

function parse(url: string, baseUrl: string | undefined): URL | null {
  try {
    return new URL(url, baseUrl);
  } catch {
    // `URL.canParse` is younger than the browsers that the SDK runs in.
    return null;
  }
}
