/** One message as the wire log shows it. */
export type WireEntry = {
  /** Counts from 1 within the log. */
  readonly number: number;
  /** When it was sent or received, ms since the epoch. */
  readonly at: number;
  readonly direction: 'up' | 'down';
  /** The `t` of the message, or "?" where there is none. */
  readonly type: string;
  /** Its size on the wire before framing: UTF-8 bytes of the text as it was, secrets included. */
  readonly bytes: number;
  /** The text, its secrets shortened. */
  readonly text: string;
};

/** What must not be seen over a shoulder or land in a pasted log: login tokens and resume tokens. */
const SECRET_FIELDS: ReadonlySet<string> = new Set(['token', 'resume']);

/** Enough of a secret to tell two apart. */
const SHOWN_CHARACTERS = 6;

const encoder = new TextEncoder();

export function wireEntry(
  number: number,
  at: number,
  direction: WireEntry['direction'],
  text: string,
): WireEntry {
  const bytes = encoder.encode(text).length;
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return { number, at, direction, type: '?', bytes, text };
  }
  if (typeof message !== 'object' || message === null)
    return { number, at, direction, type: '?', bytes, text };
  const type = 't' in message && typeof message.t === 'string' ? message.t : '?';
  return { number, at, direction, type, bytes, text: hasSecret(message) ? withoutSecrets(message) : text };
}

/** A line of the copied log: time, direction, type, size, text. */
export function wireLine(entry: WireEntry): string {
  const arrow = entry.direction === 'up' ? '→' : '←';
  return `${new Date(entry.at).toISOString().slice(11, 23)} ${arrow} ${entry.type} ${entry.bytes} B ${entry.text}`;
}

function hasSecret(message: object): boolean {
  return Object.keys(message).some((key) => SECRET_FIELDS.has(key));
}

function withoutSecrets(message: object): string {
  return JSON.stringify(message, (key, value: unknown) => {
    const isSecret = SECRET_FIELDS.has(key) && typeof value === 'string';
    return isSecret ? `${value.slice(0, SHOWN_CHARACTERS)}…` : value;
  });
}
