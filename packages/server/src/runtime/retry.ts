/** What a client waits when the server could not carry something out: long enough for a stalled store to take breath. */
export const RETRY_UNAVAILABLE_MS = 1_000;
