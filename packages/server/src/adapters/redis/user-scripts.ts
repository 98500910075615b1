import type { LastSeen } from '../../ports/directory.ts';
import type { PresenceRecord } from '../../ports/presence.ts';
import type { StampSource } from '../../core/presence/stamp.ts';
import { readRecord } from './device-text.ts';
import type { HeldUser } from './held-user.ts';
import type { Keys } from './keys.ts';
import type { RedisLink, Reply } from './redis-link.ts';
import { listOf } from './reply-values.ts';
import { type Script, loadScript } from './script.ts';
import { userKeys } from './user-keys.ts';

/** A script that decides about one user with all that is kept of them. */
export function loadUserScript(name: string): Script {
  return loadScript(name, ['presence-message', 'presence-rules']);
}

export type UserScriptsOptions = {
  readonly link: RedisLink;
  readonly keys: Keys;
  /** The node's one source of stamps. */
  readonly stamps: StampSource;
  /** The cluster's clock, ms since the epoch. */
  readonly nowMs: () => number;
  /**
   * Told of each change that others see and that this node caused. An invisible user is offline.
   *
   * @param change whether others see the user from now on, or no more, or see something else of them
   */
  readonly onShown: (record: PresenceRecord, change: ShownChange) => void;
  /** Takes when somebody was last seen. Not awaited: the record says it for a day. */
  readonly recordLastSeen: (seen: LastSeen) => void;
};

export type ShownChange = 'came' | 'gone' | 'other';

/** Runs the scripts about one user. */
export type UserScripts = {
  run(script: Script, user: string, args: readonly string[]): Promise<readonly Reply[]>;
  /**
   * Takes what a script says it has shown, as show() of presence-rules.lua gives it, or null.
   *
   * @param held what this node remembers of the user, where it does
   */
  shown(record: Reply | undefined, held: HeldUser | undefined): void;
  /** The same, without keeping anything of it. */
  told(shown: Reply | undefined): void;
};

export function createUserScripts(options: UserScriptsOptions): UserScripts {
  const { link, keys, stamps, nowMs, onShown, recordLastSeen } = options;
  /** @returns the record and its text; null where nothing was shown */
  function tell(shown: Reply | undefined): { readonly text: string; readonly record: PresenceRecord } | null {
    if (typeof shown !== 'string') return null;
    const text = shown.slice(1);
    const record = readRecord(text);
    onShown(record, shown.startsWith('+') ? 'came' : shown.startsWith('-') ? 'gone' : 'other');
    return { text, record };
  }

  return {
    async run(script, user, args) {
      const { all, channel } = userKeys(keys, user);
      const atMs = nowMs();
      const reply = await link.run(script, all, [
        JSON.stringify(user),
        channel,
        String(atMs),
        String(stamps.next(atMs)),
        ...args,
      ]);
      // A script that has one thing to answer answers it bare.
      return Array.isArray(reply) ? listOf(reply) : [reply];
    },
    shown(shown, held) {
      const told = tell(shown);
      if (told === null) return;
      const { text, record } = told;
      if (held !== undefined) held.record = text;
      if (record.lastSeenMs !== null) recordLastSeen({ user: record.user, ms: record.lastSeenMs });
    },
    told: (shown) => void tell(shown),
  };
}
