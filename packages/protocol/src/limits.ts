/** Limits that are part of the wire: a client may count on them, a server may lower but not raise them. Lengths
 * are in UTF-16 code units, as JavaScript's `length` counts. */

/** A user id. OpenID Connect Core 1.0, section 2, bounds `sub` at 255 ASCII characters. */
export const MAX_USER_ID_LENGTH = 255;

/** A device name, chosen by the app. */
export const MAX_DEVICE_LENGTH = 128;

/** A login token (JWT). Larger ones do not pass common proxies' header limits either. */
export const MAX_LOGIN_TOKEN_LENGTH = 8192;

/** A resume token; 128 random bits and a version take 25 characters, the rest is room to grow. */
export const MAX_RESUME_TOKEN_LENGTH = 256;

/** A presence field's value, unless the server's configuration sets a lower one for it. */
export const MAX_PRESENCE_VALUE_LENGTH = 1024;

/** The largest request id. */
export const MAX_REQUEST_ID = Number.MAX_SAFE_INTEGER;

/** A whole message from a client, in bytes, unless configured otherwise (`limits.messageBytes`). */
export const DEFAULT_MESSAGE_BYTES = 64 * 1024;
