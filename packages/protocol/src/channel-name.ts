import { MAX_CHANNEL_LENGTH } from './limits.ts';
import { isUserId } from './user-id.ts';

/** The name of a channel, or why there is none ([CHN1]; an `err` would say `channel_invalid`). */
export type ChannelName =
  | { readonly ok: true; readonly name: string }
  | { readonly ok: false; readonly detail: string };

/** Where a pattern takes a parameter: `{room}` in `chat:{room}`. */
const PARAMETER = /\{([^{}]*)\}/g;

/** What `encodeURIComponent` leaves although RFC 3986, section 2.3, does not count it among the unreserved. */
const LEFT_OVER = /[!'()*]/g;

/**
 * The name of the channel that a pattern stands for with these parameters: `chat:{room}` with `{ room: 'a b' }` is
 * `chat:a%20b`. Every channel has one name: equal parameters give equal texts.
 *
 * @param pattern as the contract declares it
 */
export function channelName(pattern: string, params: Readonly<Record<string, string>>): ChannelName {
  let detail = '';
  const name = pattern.replaceAll(PARAMETER, (_, parameter: string) => {
    const value = Object.hasOwn(params, parameter) ? params[parameter] : undefined;
    if (isParameterValue(value)) return encodeParameter(value);
    detail ||= `${parameter}: expected 1 to 255 characters, and no control characters`;
    return '';
  });
  if (detail === '' && name.length > MAX_CHANNEL_LENGTH)
    detail = `${name.length} characters, of at most ${MAX_CHANNEL_LENGTH}`;
  return detail === '' ? { ok: true, name } : { ok: false, detail };
}

/** Whether a parameter can have this value: what a user id can be, for `{user}` is one. */
export function isParameterValue(value: unknown): value is string {
  return isUserId(value);
}

/** Percent-encodes UTF-8 as [CHN1] says: everything but letters, digits and `-._~`, with upper-case digits. */
export function encodeParameter(value: string): string {
  return encodeURIComponent(value).replaceAll(
    LEFT_OVER,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
