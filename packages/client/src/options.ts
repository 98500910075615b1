import { DEFAULT_PRESENCE_FIELDS, RESERVED_FIELD_NAMES } from '@carillon/protocol';
import { CarillonError } from './carillon-error.ts';
import type { DefaultField } from './core/friends.ts';
import type { WebSocketConstructor } from './platform.ts';
import type { StorageLike } from './resume-keeper.ts';

export type ClientOptions<Field extends string = DefaultField> = {
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
  /** The presence fields that the server is configured with. Absent: `a`, `p` and `l`. */
  readonly fields?: readonly Field[] | undefined;
  /** Keeps the resume token over a reload. Absent: the page's sessionStorage, in Node none. Null: none. */
  readonly storage?: StorageLike | null | undefined;
  /** Absent: the global one. */
  readonly WebSocket?: WebSocketConstructor | undefined;
  /** Sees every message as it goes over the wire. It sees login and resume tokens too: do not log them. */
  readonly onWire?: ((direction: 'up' | 'down', text: string) => void) | undefined;
};

/** Names that a friend or an own status has beside its fields. */
const OWN_NAMES: readonly string[] = ['id', 'status', 'lastSeen'];

/** @throws CarillonError `fields_invalid` for a name that the protocol or the SDK uses itself */
export function checkFields(fields: readonly string[]): void {
  const wrong = fields.find((field) => RESERVED_FIELD_NAMES.has(field) || OWN_NAMES.includes(field));
  if (wrong !== undefined) throw new CarillonError('fields_invalid', `"${wrong}" cannot be a presence field`);
}

/** @throws CarillonError `url_invalid` */
export function webSocketUrl(url: string, baseUrl: string | undefined): string {
  const parsed = URL.canParse(url, baseUrl) ? new URL(url, baseUrl) : null;
  if (parsed === null || !/^(ws|http)s?:$/.test(parsed.protocol)) {
    throw new CarillonError('url_invalid', `"${url}" is not an address of a server`);
  }
  parsed.protocol = parsed.protocol.replace('http', 'ws');
  // The WebSocket constructor refuses an address with a fragment.
  parsed.hash = '';
  return parsed.href;
}
