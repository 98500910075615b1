import type { Position } from '../../ports/log.ts';

/** What a client asks by `join-document`: the document's id, alone or with the position that it has. */
export type JoinRequest = { readonly documentId: string; readonly from: Position | null };

export type EditRequest = { readonly documentId: string; readonly operation: unknown };

/** @returns null where it is none */
export function parseJoin(value: unknown): JoinRequest | null {
  if (typeof value === 'string') return { documentId: value, from: null };
  if (!isObject(value) || typeof value['documentId'] !== 'string') return null;
  const { documentId, epoch, offset } = value;
  if (epoch === undefined && offset === undefined) return { documentId, from: null };
  if (typeof epoch !== 'string' || typeof offset !== 'number') return null;
  return { documentId, from: { epoch, offset } };
}

/** @returns null where it is none */
export function parseEdit(value: unknown): EditRequest | null {
  if (!isObject(value) || typeof value['documentId'] !== 'string' || value['operation'] === undefined)
    return null;
  return { documentId: value['documentId'], operation: value['operation'] };
}

/** @returns null where it is none */
export function parseLeave(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return isObject(value) && typeof value['documentId'] === 'string' ? value['documentId'] : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
