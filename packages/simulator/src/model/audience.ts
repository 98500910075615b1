import type { Audience } from '@carillon/server/simulation';
import type { Random } from '../random.ts';

/** The parts of a user's presence that an audience decides about. */
export const AUDIENCE_PARTS = ['status', 'lastSeen', 'a', 'p', 'l'] as const;
export type AudiencePart = (typeof AUDIENCE_PARTS)[number];

/** Who sees what: as the server is configured with it, and as the model understands it. */
export type Visibility = {
  readonly audience: Audience;
  /** @param close whether the owner counts the viewer among their close friends */
  sees(owner: string, viewer: string, close: boolean, part: AudiencePart): boolean;
};

export const EVERYTHING: Visibility = {
  audience: { kind: 'rules', rules: {} },
  sees: () => true,
};

export function chooseVisibility(random: Random): Visibility {
  const kind = random.pick(['everything', 'rules', 'rules', 'hook'] as const);
  switch (kind) {
    case 'everything':
      return EVERYTHING;
    case 'rules':
      return byRules(new Set(AUDIENCE_PARTS.filter((part) => random.chance(part === 'status' ? 0.15 : 0.4))));
    case 'hook':
      return byHook(random.whole(2, 5));
  }
}

function byRules(forClose: ReadonlySet<AudiencePart>): Visibility {
  const rules = Object.fromEntries([...forClose].map((part) => [part, 'close' as const]));
  return {
    audience: { kind: 'rules', rules },
    // Whoever may not see the status sees nothing else: it would give the status away.
    sees: (_owner, _viewer, close, part) => close || (!forClose.has('status') && !forClose.has(part)),
  };
}

/** An app that decides by itself: every so many pairs see no status, others no last seen and no project. */
function byHook(every: number): Visibility {
  const oddity = (owner: string, viewer: string): number => (owner.length * 7 + viewer.length * 3) % every;
  return {
    audience: {
      kind: 'hook',
      decide({ owner, viewer, close }) {
        if (close) return true;
        const odd = oddity(owner, viewer);
        return odd === 0 ? false : odd === 1 ? ['status', 'a', 'l'] : true;
      },
    },
    sees(owner, viewer, close, part) {
      if (close) return true;
      const odd = oddity(owner, viewer);
      return odd !== 0 && (odd !== 1 || part === 'status' || part === 'a' || part === 'l');
    },
  };
}
