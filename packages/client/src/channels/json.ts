import { CarillonError } from '../carillon-error.ts';

/** A value as JSON text, or why there is none. */
export function toJson(value: unknown): string | CarillonError {
  try {
    const text = JSON.stringify(value) as string | undefined;
    return text ?? new CarillonError('payload_invalid', '');
  } catch (error) {
    // A cycle, a bigint, or what a `toJSON` threw.
    return new CarillonError('payload_invalid', String(error));
  }
}
