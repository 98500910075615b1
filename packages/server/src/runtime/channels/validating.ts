import type { Validate, Validated } from '../../core/channel/channel-spec.ts';
import type { Clock } from '../../ports/clock.ts';

/**
 * How long a schema may take over one payload, ms: as long as an authorize rule. One that never answers would hold its place
 * in the line of its channel, with all that was sent behind it, for as long as the connection lasts.
 */
export const SCHEMA_TIME_LIMIT_MS = 5_000;

/** What a schema says of a payload; `unavailable`: nothing, within its time. */
export type Checked =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false;
      readonly code: 'payload_invalid' | 'unavailable';
      readonly path: string;
      readonly detail: string;
    };

const LATE: Checked = {
  ok: false,
  code: 'unavailable',
  path: '',
  detail: `the schema did not answer within ${SCHEMA_TIME_LIMIT_MS} ms`,
};

/** Checks a payload. What a schema says at once is there at once. Never rejects. */
export function check(clock: Clock, validate: Validate, value: unknown): Checked | Promise<Checked> {
  const validated = validate(value);
  return validated instanceof Promise ? inTime(clock, validated) : checkedOf(validated);
}

async function inTime(clock: Clock, validating: Promise<Validated>): Promise<Checked> {
  const late = Promise.withResolvers<Checked>();
  const timer = clock.setTimer(SCHEMA_TIME_LIMIT_MS, () => late.resolve(LATE));
  const checked = await Promise.race([validating.then(checkedOf), late.promise]);
  timer.cancel();
  return checked;
}

function checkedOf(validated: Validated): Checked {
  if (validated.ok) return validated;
  const { path, detail } = validated;
  return { ok: false, code: 'payload_invalid', path, detail };
}

/** Undefined where JSON has nothing for it, or the app's own `toJSON` throws. */
export function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined; // Whoever sent it is told that it is no JSON value.
  }
}
