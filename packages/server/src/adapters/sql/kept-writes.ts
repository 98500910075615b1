import type { Database } from 'better-sqlite3';
import type { EventSubject, EventType } from '../../ports/event-store.ts';

/** Writes of what a server keeps beside the directory and the journal: revocations, its own keys, events. */
export type KeptWrites = {
  revokeUser: {
    args: [user: string, issuedUpToMs: number, forgetAtMs: number, nowMs: number];
    result: undefined;
  };
  revokeToken: { args: [tokenId: string, forgetAtMs: number, nowMs: number]; result: undefined };
  /** Gives the key that is kept: this one, or the one that was there before. */
  keepKey: { args: [name: string, secret: string]; result: string };
  putEvent: {
    args: [
      number: number,
      id: string,
      type: EventType,
      kind: EventSubject['kind'],
      subject: string,
      atMs: number,
      present: boolean,
    ];
    result: undefined;
  };
  markSubject: { args: [kind: EventSubject['kind'], subject: string, present: boolean]; result: undefined };
  dropEvent: { args: [number: number]; result: undefined };
  clearEvents: { args: []; result: undefined };
};

type KeptHandlers = {
  readonly [Name in keyof KeptWrites]: (...args: KeptWrites[Name]['args']) => KeptWrites[Name]['result'];
};

/** Plain SQL, as of the journal: what a node keeps for itself will not move to another database. */
export function keptHandlers(database: Database): KeptHandlers {
  return { ...revocationHandlers(database), ...eventHandlers(database) };
}

function revocationHandlers(
  database: Database,
): Pick<KeptHandlers, 'revokeUser' | 'revokeToken' | 'keepKey'> {
  const revokeUser = database.prepare(`
    INSERT INTO revoked_users (user_name, issued_up_to_ms, forget_at_ms) VALUES (?, ?, ?)
    ON CONFLICT (user_name) DO UPDATE SET
      issued_up_to_ms = max(issued_up_to_ms, excluded.issued_up_to_ms),
      forget_at_ms = max(forget_at_ms, excluded.forget_at_ms)`);
  const revokeToken = database.prepare(`
    INSERT INTO revoked_tokens (token_id, forget_at_ms) VALUES (?, ?)
    ON CONFLICT (token_id) DO UPDATE SET forget_at_ms = max(forget_at_ms, excluded.forget_at_ms)`);
  const forgetUsers = database.prepare('DELETE FROM revoked_users WHERE forget_at_ms <= ?');
  const forgetTokens = database.prepare('DELETE FROM revoked_tokens WHERE forget_at_ms <= ?');
  const keepKey = database.prepare(
    'INSERT INTO server_keys (name, secret) VALUES (?, ?) ON CONFLICT (name) DO NOTHING',
  );
  const readKey = database.prepare<[string], string>('SELECT secret FROM server_keys WHERE name = ?').pluck();

  function forget(nowMs: number): void {
    forgetUsers.run(nowMs);
    forgetTokens.run(nowMs);
  }

  return {
    revokeUser(user, issuedUpToMs, forgetAtMs, nowMs) {
      forget(nowMs);
      revokeUser.run(user, issuedUpToMs, forgetAtMs);
      return undefined;
    },
    revokeToken(tokenId, forgetAtMs, nowMs) {
      forget(nowMs);
      revokeToken.run(tokenId, forgetAtMs);
      return undefined;
    },
    keepKey(name, secret) {
      keepKey.run(name, secret);
      return readKey.get(name) ?? secret;
    },
  };
}

function eventHandlers(
  database: Database,
): Pick<KeptHandlers, 'putEvent' | 'markSubject' | 'dropEvent' | 'clearEvents'> {
  const putEvent = database.prepare(
    'INSERT OR REPLACE INTO webhook_events (number, id, type, subject, at_ms) VALUES (?, ?, ?, ?, ?)',
  );
  const dropEvent = database.prepare('DELETE FROM webhook_events WHERE number = ?');
  const clearEvents = database.prepare('DELETE FROM webhook_events');
  const present = database.prepare(
    'INSERT INTO webhook_present (kind, subject) VALUES (?, ?) ON CONFLICT DO NOTHING',
  );
  const gone = database.prepare('DELETE FROM webhook_present WHERE kind = ? AND subject = ?');

  return {
    putEvent(number, id, type, kind, subject, atMs, isPresent) {
      putEvent.run(number, id, type, subject, atMs);
      (isPresent ? present : gone).run(kind, subject);
      return undefined;
    },
    markSubject(kind, subject, isPresent) {
      (isPresent ? present : gone).run(kind, subject);
      return undefined;
    },
    dropEvent(number) {
      dropEvent.run(number);
      return undefined;
    },
    clearEvents() {
      clearEvents.run();
      return undefined;
    },
  };
}
