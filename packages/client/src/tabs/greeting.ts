import type { Sync } from '@carillon/protocol';
import type { Message } from './shares.ts';

type Wire = Readonly<Record<string, unknown>>;

/** What a line that comes later is told of the session: the `token`, and a `sync` with all friends. */
export type Greeting = {
  /** Whether the server's `token` and `sync` are here. */
  complete(): boolean;
  /** Up to which stamp the friends are known, that the next login may ask for what changed since ([RES5]). */
  at(): unknown;
  /** The line to the server is gone. What is known of the friends stays. */
  lost(): void;
  /** Takes `token`, `hb` and the messages of presence. */
  take(message: Message): void;
  /** A request was carried out. @returns whether it changed the own status */
  agree(message: Message, reply: Message): boolean;
  token(): string;
  sync(): string;
};

/** @param fields the presence fields that the server is configured with */
export function createGreeting(fields: readonly string[]): Greeting {
  const friends = new Map<string, Wire>();
  const ofStatus = new Set(['s', ...fields]);
  let token: Message | null = null;
  let hasSync = false;
  let knownAt: unknown;

  function put(id: unknown, state: Wire): void {
    if (typeof id === 'string') friends.set(id, { ...state, username: id });
  }

  function takeSync(message: Message): void {
    const { users = [], gone = [], delta } = message as Partial<Sync>;
    if (delta !== true) friends.clear();
    for (const user of users) put(user.username, user);
    for (const id of gone) friends.delete(id);
    hasSync = token !== null;
  }

  return {
    complete: () => hasSync,
    at: () => knownAt,
    lost() {
      // The stamp of a `token` counts once the `sync` behind it is here.
      if (hasSync) knownAt = token?.['at'];
      token = null;
      hasSync = false;
    },
    take(message) {
      const { t, id, ...state } = message;
      switch (t) {
        case 'token':
          // Whoever comes later finds the session there.
          token = { ...message, resumed: true };
          return;
        case 'sync':
          return takeSync(message);
        case 'u':
          return friends.has(id as string) ? put(id, { ...friends.get(id as string), ...state }) : undefined;
        case 'o':
          return put(id, state);
        case 'x':
          return put(id, { ...state, s: 'Offline' });
        case 'hb':
          if (token !== null && message['at'] !== undefined) token = { ...token, at: message['at'] };
      }
    },
    agree({ t, ...patch }, { exp }) {
      if (token === null) return false;
      if (t === 'auth') token = { ...token, exp };
      if (t !== 'statusUpdate') return false;
      const told = Object.entries(patch).filter(([name]) => ofStatus.has(name));
      token = { ...token, ...Object.fromEntries(told) };
      return true;
    },
    token: () => JSON.stringify(token),
    sync: () => JSON.stringify({ t: 'sync', users: [...friends.values()] }),
  };
}
