import type { DefaultField, OwnPresence } from '@carillon/client';

/** What a person may choose; `Offline` is what logging out is for. */
export const CHOICES = ['Online', 'Away', 'Busy', 'Invisible'] as const;

export type OwnStatus = {
  readonly status: (typeof CHOICES)[number];
  readonly activity: string;
  readonly project: string;
  readonly language: string;
};

const AT_FIRST: OwnStatus = { status: 'Online', activity: '', project: '', language: '' };

/** In the SDK's words. */
export function presenceOf(own: Partial<OwnStatus>): OwnPresence<DefaultField> {
  const { status, activity, project, language } = own;
  return {
    ...(status === undefined ? {} : { status }),
    ...(activity === undefined ? {} : { a: activity }),
    ...(project === undefined ? {} : { p: project }),
    ...(language === undefined ? {} : { l: language }),
  };
}

/** What this tab had set before it was reloaded: the session goes on then, and the form must say the same. */
export function recallOwn(user: string): OwnStatus {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(keyOf(user)) ?? 'null');
    if (typeof kept !== 'object' || kept === null) return AT_FIRST;
    const text = (name: keyof OwnStatus): string => {
      const value = (kept as Partial<Record<keyof OwnStatus, unknown>>)[name];
      return typeof value === 'string' ? value : '';
    };
    const status = CHOICES.find((choice) => choice === text('status')) ?? AT_FIRST.status;
    return { status, activity: text('activity'), project: text('project'), language: text('language') };
  } catch {
    // Storage is closed to this page, or something else wrote there: as on a first visit.
    return AT_FIRST;
  }
}

/** @param own null forgets it */
export function rememberOwn(user: string, own: OwnStatus | null): void {
  try {
    if (own === null) sessionStorage.removeItem(keyOf(user));
    else sessionStorage.setItem(keyOf(user), JSON.stringify(own));
  } catch {
    // Storage is closed to this page: a reload begins with an empty form.
  }
}

function keyOf(user: string): string {
  return `carillon-studio-own:${user}`;
}
