import type { Advice } from './messages/result.ts';

/**
 * Every error a server answers with. `retry`: whether the same request may succeed later. `help` says what to do;
 * docs/errors.md lists the same, and a test keeps the two equal.
 */
export const ERRORS = {
  bad_json: { retry: false, http: 400, help: 'Send one JSON object per text frame.' },
  bad_message: {
    retry: false,
    http: 400,
    help: 'Correct the named field; PROTOCOL.md gives the shape of each message.',
  },
  unknown_type: { retry: false, http: 400, help: 'Use a `t` that PROTOCOL.md lists for clients.' },
  binary_unsupported: { retry: false, http: 400, help: 'Send text frames: this connection speaks JSON.' },
  text_unsupported: {
    retry: false,
    http: 400,
    help: 'Send binary frames: this connection speaks MessagePack.',
  },
  not_logged_in: { retry: false, http: 401, help: 'Send `login` first and wait for `token`.' },
  already_logged_in: {
    retry: false,
    http: 409,
    help: 'This connection has a session; open another connection for another login.',
  },
  resume_failed: {
    retry: false,
    http: 409,
    help: 'The resume token is unknown, superseded, expired or of another user. A new session was begun; keep its token.',
  },
  rate_limited: { retry: true, http: 429, help: 'Slow down; send again after `retryAfterMs`.' },
  unavailable: {
    retry: true,
    http: 503,
    help: 'The server cannot do this at the moment; send again after `retryAfterMs`.',
  },
  token_invalid: {
    retry: false,
    http: 401,
    help: 'The login token was refused: check its signature, algorithm, issuer, audience and times.',
  },
  token_expired: {
    retry: false,
    http: 401,
    help: 'The login token ran out; fetch a new one and log in with it.',
  },
  username_mismatch: { retry: false, http: 403, help: 'The `sub` of the token must equal `username`.' },
  user_id_invalid: {
    retry: false,
    http: 400,
    help: 'A user id has 1 to 255 characters, none of them a control character or a lone surrogate.',
  },
  version_unsupported: {
    retry: false,
    http: 400,
    help: 'This client is too old for the server: update the client library.',
  },
  unauthorized: {
    retry: false,
    http: 401,
    help: 'Send `Authorization: Bearer <api key>`; the server takes its key from CARILLON_API_KEY.',
  },
  origin_refused: { retry: false, http: 403, help: "Add the page's origin to CARILLON_ALLOWED_ORIGINS." },
  user_unknown: {
    retry: false,
    http: 404,
    help: 'No such user: they must log in once, be imported, or be created with PUT /v1/users/{user}.',
  },
  self_follow: { retry: false, http: 400, help: 'A user cannot follow or block themselves.' },
  roster_external: {
    retry: false,
    http: 409,
    help: 'The roster comes from the followsOf hook: change it there, then POST /v1/users/{user}/roster/refresh.',
  },
  update_invalid: {
    retry: false,
    http: 400,
    help: 'The update is none that Yjs could apply, or deletes or counts beyond what there is; the text says what.',
  },
  update_gap: {
    retry: false,
    http: 409,
    help: 'The update builds on changes that the server does not have: join the document again, and send what it lacks first.',
  },
  client_id_taken: {
    retry: false,
    http: 409,
    help: 'The client id belongs to somebody else: give the Y.Doc a new one.',
  },
  version_unknown: { retry: false, http: 404, help: 'The document has no such version.' },
  not_found: { retry: false, http: 404, help: 'No such resource; docs/http-api.md lists them.' },
  method_not_allowed: {
    retry: false,
    http: 405,
    help: 'The resource exists but not with this method; see docs/http-api.md.',
  },
  too_large: { retry: false, http: 413, help: 'Send less in one request; the limit is in docs/limits.md.' },
  too_many_connections: {
    retry: true,
    http: 429,
    help: 'Too many connections from this address; close some, or raise limits.connectionsPerAddress.',
  },
  limit_reached: {
    retry: false,
    http: 409,
    help: 'A limit was reached; the message names it and docs/limits.md says how to raise it.',
  },
  channel_invalid: {
    retry: false,
    http: 400,
    help: 'A channel name has 1 to 255 characters, none of them a control character; parameters are percent-encoded.',
  },
  channel_unknown: {
    retry: false,
    http: 404,
    help: 'The contract declares no such channel: correct the name, or update the client to the contract in use.',
  },
  kind_mismatch: {
    retry: false,
    http: 400,
    help: 'The channel is of another kind: streams have a history, maps have keys, signals keep nothing.',
  },
  forbidden: {
    retry: false,
    http: 403,
    help: 'An authorize rule must open the channel to this user; what is not opened is closed.',
  },
  grant_invalid: {
    retry: false,
    http: 403,
    help: 'The grant was refused: check its signature, user, channel and times, or subscribe without it.',
  },
  not_subscribed: { retry: false, http: 409, help: 'Subscribe to the channel first.' },
  payload_invalid: {
    retry: false,
    http: 422,
    help: "The payload does not fit the contract's schema at `path`; the client may be older than the contract.",
  },
  conflict: {
    retry: false,
    http: 409,
    help: 'The channel is not at the expected position: read up to the one that is named, then try again.',
  },
  id_reused: {
    retry: false,
    http: 409,
    help: 'The idempotency id stands for another payload: use a new id for each new publication.',
  },
  call_unknown: {
    retry: false,
    http: 404,
    help: 'Nobody serves this call: correct its name, or register a handler for it.',
  },
  call_failed: {
    retry: false,
    http: 422,
    help: "The call failed with an error of the app's: see `n` and `d`.",
  },
  deadline_exceeded: {
    retry: true,
    http: 504,
    help: 'The call was not answered in time; whether it was carried out is not known.',
  },
  cancelled: { retry: false, http: 409, help: 'The caller called the call off.' },
  reply_unknown: {
    retry: false,
    http: 404,
    help: 'No call waits for this reply: it was answered before, or its time is over.',
  },
  line_unknown: {
    retry: false,
    http: 404,
    help: 'The line has ended: open another connection and resume the session there.',
  },
  out_of_order: {
    retry: true,
    http: 409,
    help: 'Messages before these have not come: send those first, then these again.',
  },
  poll_conflict: {
    retry: false,
    http: 409,
    help: 'A newer poll of this line has taken over, or `ack` is none of its last two batches: poll one at a time.',
  },
  ticket_invalid: {
    retry: false,
    http: 401,
    help: 'The ticket is not good, or not any more: ask for another one.',
  },
  session_unknown: { retry: false, http: 404, help: 'No such session is connected.' },
  internal: {
    retry: true,
    http: 500,
    help: 'The server failed; its log has the cause under the same request. Try again.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorEntry = { readonly retry: boolean; readonly http: number; readonly help: string };
export type ErrorCode = keyof typeof ERRORS;

/**
 * Why a server closes a connection. The number is the WebSocket close code, its range the advice for clients that
 * know no more: 4000-4099 resume, 4100-4199 reconnect after a pause, 4200-4299 stop. Standard codes (RFC 6455,
 * section 7.4.1) that a server also uses: 1007 invalid UTF-8, 1009 message too big; both mean stop.
 */
export const CLOSES = {
  draining: { close: 4000, advice: 'resume', help: 'The server is restarting; resume after `afterMs`.' },
  heartbeat_missed: { close: 4001, advice: 'resume', help: 'Two heartbeats went unanswered; resume.' },
  slow_consumer: {
    close: 4002,
    advice: 'resume',
    help: 'The client did not read what it asked for; read faster, or ask for less, then resume.',
  },
  node_failed: {
    close: 4003,
    advice: 'resume',
    help: 'The server could not go on with this connection; resume.',
  },
  token_expired: {
    close: 4100,
    advice: 'reconnect',
    help: 'The login token ran out; fetch a new one, then resume with it.',
  },
  login_timeout: { close: 4101, advice: 'reconnect', help: 'No login arrived in time; send `login` first.' },
  rate_limited: {
    close: 4102,
    advice: 'reconnect',
    help: 'Messages or logins kept coming over a limit; slow down and reconnect after the pause.',
  },
  unavailable: {
    close: 4103,
    advice: 'reconnect',
    help: 'The server cannot take logins at the moment; reconnect after the pause.',
  },
  too_many_connections: {
    close: 4104,
    advice: 'reconnect',
    help: 'Too many connections from this address; reconnect after the pause.',
  },
  token_invalid: { close: 4200, advice: 'stop', help: 'The login token was refused.' },
  username_mismatch: { close: 4201, advice: 'stop', help: 'The `sub` of the token must equal `username`.' },
  user_id_invalid: {
    close: 4202,
    advice: 'stop',
    help: 'A user id has 1 to 255 characters, none of them a control character or a lone surrogate.',
  },
  version_unsupported: {
    close: 4203,
    advice: 'stop',
    help: 'The client is too old for this server: update the client library.',
  },
  replaced: { close: 4204, advice: 'stop', help: 'A newer connection goes on with this session.' },
  logged_out: { close: 4205, advice: 'stop', help: 'The session was ended by a logout.' },
  user_erased: { close: 4206, advice: 'stop', help: 'The user was erased.' },
  revoked: {
    close: 4208,
    advice: 'stop',
    help: 'The login was revoked: the user must log in anew with another token.',
  },
  disconnected: {
    close: 4209,
    advice: 'stop',
    help: 'The app ended this connection; the session can be resumed when the user asks for it.',
  },
  bad_messages: {
    close: 4207,
    advice: 'stop',
    help: 'Too many messages could not be understood; mend the client.',
  },
} as const satisfies Record<string, CloseEntry>;

export type CloseEntry = { readonly close: number; readonly advice: Advice; readonly help: string };
export type CloseReason = keyof typeof CLOSES;

/**
 * What to do after a close, by its number alone, for a client that got no `bye`.
 *
 * @param closeCode WebSocket close code; 1006 when the line dropped
 */
export function adviceForClose(closeCode: number): Advice {
  if (closeCode >= 4200 && closeCode <= 4299) return 'stop';
  if (closeCode >= 4100 && closeCode <= 4199) return 'reconnect';
  // Sending the same bytes again would end the same way.
  if (closeCode === 1007 || closeCode === 1009 || closeCode === 1002 || closeCode === 1003) return 'stop';
  return 'resume';
}
