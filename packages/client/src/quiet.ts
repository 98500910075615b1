import type { CarillonError } from './carillon-error.ts';

/** A promise that need not be waited for: a rejection that nobody looks at must not end a Node process. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

export function rejected(error: CarillonError): Promise<never> {
  return quiet(Promise.reject<never>(error));
}
