import { type ErrorCode, isUserId } from '@carillon/protocol';
import type { NodeContext } from './context.ts';
import type { Outcome } from './operation-outcome.ts';

export function succeed<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

export function failed(code: ErrorCode, detail: string): Outcome<never> {
  return { ok: false, code, detail };
}

export function invalidUser(user: string): Outcome<never> | undefined {
  return isUserId(user) ? undefined : failed('user_id_invalid', 'not a valid user id');
}

export function unknownUser(user: string): Outcome<never> {
  return failed('user_unknown', `unknown user: ${JSON.stringify(user)}`);
}

/** Carries out an operation on the ports; a port that fails becomes `unavailable`, never a rejection. */
export async function run<T>(
  context: NodeContext,
  operation: () => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  try {
    return await operation();
  } catch (error) {
    context.ports.telemetry.warn('operation_failed', { error: String(error) });
    return failed('unavailable', 'the store could not carry this out');
  }
}

export function stamp(context: NodeContext): number {
  return context.ports.stamps.next(context.ports.clock.nowMs());
}
