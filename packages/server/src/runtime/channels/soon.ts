/**
 * Goes on with a value that is there at once, or later. What is in process answers at once, and then nothing waits for
 * a promise: on the way of a publication each costs more than the work between them.
 */
export function soon<T, U>(value: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> {
  // oxlint-disable-next-line promise/no-callback-in-promise -- to go on with the value is all that this is for
  return value instanceof Promise ? value.then((later) => next(later)) : next(value);
}
