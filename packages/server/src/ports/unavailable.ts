/** A store that cannot do what it was asked at the moment. Callers answer `unavailable`; trying again later may work. */
export type StoreUnavailable = Error & { readonly code: 'unavailable' };

/** @param detail for the log; holds no secret */
export function storeUnavailable(detail: string, cause?: unknown): StoreUnavailable {
  return Object.assign(new Error(detail, { cause }), { code: 'unavailable' as const });
}

export function isStoreUnavailable(error: unknown): error is StoreUnavailable {
  return error instanceof Error && 'code' in error && error.code === 'unavailable';
}
