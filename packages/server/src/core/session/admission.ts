import type { ErrorCode, UpMessage } from '@carillon/protocol';

/** Where a connection stands. */
export type Phase = 'opened' | 'authenticating' | 'live' | 'closed';

/** What to do with a message in a phase. */
export type Admission = 'login' | 'handle' | 'queue' | 'ignore' | { readonly refuse: ErrorCode };

/** How many messages may wait for a login that is being checked: a client may send its status right behind it. */
export const MAX_QUEUED = 16;

const NOT_LOGGED_IN: Admission = { refuse: 'not_logged_in' };
const ALREADY_LOGGED_IN: Admission = { refuse: 'already_logged_in' };
const RATE_LIMITED: Admission = { refuse: 'rate_limited' };

/** Decides whether a message may be handled now ([LOG1], [LOG2]). */
export function admit(phase: Phase, type: UpMessage['t'], queued: number): Admission {
  switch (phase) {
    case 'opened':
      if (type === 'login') return 'login';
      // An idle probe before the login is harmless, and lets a client measure the line.
      return type === 'hb' ? 'handle' : NOT_LOGGED_IN;
    case 'authenticating':
      if (type === 'login') return ALREADY_LOGGED_IN;
      if (type === 'hb') return 'handle';
      return queued < MAX_QUEUED ? 'queue' : RATE_LIMITED;
    case 'live':
      return type === 'login' ? ALREADY_LOGGED_IN : 'handle';
    case 'closed':
      return 'ignore';
  }
}
