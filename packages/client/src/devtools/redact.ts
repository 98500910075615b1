/** Fields of messages that carry a login token, a resume token, a grant or a ticket, whatever the message. */
const SECRET_FIELDS = ['token', 'resume', 'g', 'grant', 'ticket'];

/** What stands in the place of a secret. Nothing of it: a part of one on a screenshot helps nobody but the wrong ones. */
export const HIDDEN = '●●●';

/** A message that may be kept and shown. */
export type Redacted = {
  /** The `t` of the message; `?` where it has none. */
  readonly type: string;
  readonly channel: string | null;
  /** Request id. */
  readonly request: number | null;
  /** The number of a heartbeat that asks, or answers; null: none. */
  readonly probe: number | null;
  /** JSON text without secrets. What is no JSON is not kept at all: nobody knows where a secret stands in it. */
  readonly text: string;
};

/** Takes the secrets out of a message. Payloads of the app are left as they are. */
export function redact(raw: string): Redacted {
  let message: unknown;
  try {
    message = JSON.parse(raw);
  } catch {
    return { type: '?', channel: null, request: null, probe: null, text: '(not JSON)' };
  }
  const { t, c, i, q } = (isObject(message) ? message : {}) as Record<string, unknown>;
  return {
    type: typeof t === 'string' ? t : '?',
    channel: typeof c === 'string' ? c : null,
    request: typeof i === 'number' ? i : null,
    probe: typeof q === 'number' ? q : null,
    // Written anew and not cut out of the text: a field may stand in it twice.
    text: JSON.stringify(withoutSecrets(message)),
  };
}

function withoutSecrets(message: unknown): unknown {
  // Several messages in one frame.
  if (Array.isArray(message)) return message.map(withoutSecrets);
  if (!isObject(message)) return message;
  const copy: Record<string, unknown> = { ...message };
  for (const field of SECRET_FIELDS) if (Object.hasOwn(copy, field)) copy[field] = HIDDEN;
  return copy;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
