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

/** A channel's name, percent-encoding included. */
export const MAX_CHANNEL_LENGTH = 255;

/** A key of a map or of a signal. */
export const MAX_KEY_LENGTH = 255;

/** An id that a publisher gives to a publication, so that sending it again does not publish it again. */
export const MAX_PUBLICATION_ID_LENGTH = 64;

/** What a publication of the server answers (`ref`): the app's own name for a change. */
export const MAX_REF_LENGTH = 128;

/** The name of a call or of a broadcast. */
export const MAX_NAME_LENGTH = 128;

/** A grant: a signed token with the channel's name in it. */
export const MAX_GRANT_LENGTH = 4096;

/** What names one incarnation of a channel. */
export const MAX_EPOCH_LENGTH = 32;

/** Publications of a history page, or entries of a map's page. */
export const MAX_PAGE_SIZE = 1_000;

/** Publications or entries of a page where the request names no size. */
export const DEFAULT_PAGE_SIZE = 100;

/** The longest a call may be asked to take, ms. */
export const MAX_CALL_MS = 10 * 60 * 1000;

/**
 * How deep maps and lists of MessagePack may stand in each other: reading goes down by recursion, and a stranger's
 * 64 KiB of opening bytes would end it with an overflow of the stack. Payloads have 100 levels on the server, and the
 * message around them a few more.
 */
export const MAX_PACKED_DEPTH = 128;

/** Bytes in one field, as base64. Messages from clients are bounded long before; a part of a document's state is 256 KiB. */
export const MAX_BASE64_LENGTH = 1024 * 1024;
