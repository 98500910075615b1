import { isRole, type Role } from '@carillon/protocol';
import type { AuthorizeRequest, Decision } from '../../ports/authorizer.ts';

/** The longest that one answer may hold: a right that is good for longer is asked for again after this. */
export const MAX_RIGHT_MS = 24 * 60 * 60 * 1000;

/** What a rule or a callback may say: yes, no, or yes for a time; of a document the role. */
export type Answer =
  | { readonly kind: 'allow'; readonly ttlMs: number | null; readonly role: Role | null }
  | { readonly kind: 'deny'; readonly ttlMs: number | null }
  /** It said something else. `isNo`: it said nothing that could be a failure, so it is a no. */
  | { readonly kind: 'nonsense'; readonly problem: string; readonly isNo: boolean };

/**
 * Reads `{ allow, ttlMs? }`, of a document `{ role, ttlMs? }`. `allow` is true or false and nothing else; `ttlMs` a whole number
 * of ms, or absent or null where the answer says nothing of time.
 */
export function readAnswer(value: unknown, kind: AuthorizeRequest['kind']): Answer {
  if (typeof value !== 'object' || value === null) return nonsense(noAnswer(kind));
  const ttlMs: unknown = 'ttlMs' in value ? (value.ttlMs ?? null) : null;
  const isTime = ttlMs === null || (Number.isSafeInteger(ttlMs) && (ttlMs as number) >= 1);
  const answer = kind === 'document' ? readRole(value) : readAllow(value);
  if (answer.kind === 'nonsense') return answer;
  if (!isTime) return nonsense('its `ttlMs` is not a whole number of at least 1');
  return { ...answer, ttlMs: ttlMs === null ? null : Math.min(ttlMs as number, MAX_RIGHT_MS) };
}

function readAllow(value: object): Answer {
  if (!('allow' in value)) return nonsense(noAnswer('stream'));
  const { allow } = value;
  if (typeof allow !== 'boolean') return nonsense('its `allow` is not true or false');
  return allow ? { kind: 'allow', ttlMs: null, role: null } : { kind: 'deny', ttlMs: null };
}

function readRole(value: object): Answer {
  const allow: unknown = 'allow' in value ? value.allow : undefined;
  if (allow === false) return { kind: 'deny', ttlMs: null };
  if (!('role' in value))
    return allow === true
      ? { kind: 'nonsense', problem: 'it named no `role` for a document', isNo: true }
      : nonsense(noAnswer('document'));
  return roleAnswer(value.role);
}

/** What a rule of a document, or a callback, said for a role. */
export function roleAnswer(role: unknown): Answer {
  if (!isRole(role)) return nonsense('its `role` is not none, read, comment or write');
  return role === 'none' ? { kind: 'deny', ttlMs: null } : { kind: 'allow', ttlMs: null, role };
}

function noAnswer(kind: AuthorizeRequest['kind']): string {
  return kind === 'document' ? 'it answered no role' : 'it answered neither yes nor no';
}

function nonsense(problem: string): Answer {
  return { kind: 'nonsense', problem, isNo: false };
}

/** @param leftMs for how long it holds; null: as long as the subscription lasts */
export function allowed(nowMs: number, leftMs: number | null, role: Role | null): Decision {
  const untilMs = leftMs === null ? null : nowMs + leftMs;
  return role === null ? { allow: true, untilMs } : { allow: true, untilMs, role };
}

export function denied(code: 'forbidden' | 'unavailable', detail: string): Decision {
  return { allow: false, code, detail };
}
