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
      node: string,
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
  markSubject: {
    args: [node: string, kind: EventSubject['kind'], subject: string, present: boolean];
    result: undefined;
  };
  dropEvent: { args: [node: string, number: number]; result: undefined };
  clearEvents: { args: [node: string]; result: undefined };
  adoptEvents: { args: [node: string, dead: string]; result: undefined };
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
): Pick<KeptHandlers, 'putEvent' | 'markSubject' | 'dropEvent' | 'clearEvents' | 'adoptEvents'> {
  const putEvent = database.prepare(
    'INSERT OR REPLACE INTO webhook_events (node, number, id, type, subject, at_ms) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const dropEvent = database.prepare('DELETE FROM webhook_events WHERE node = ? AND number = ?');
  const clearEvents = database.prepare('DELETE FROM webhook_events WHERE node = ?');
  const setPresent = database.prepare(`
    INSERT INTO webhook_present (node, kind, subject) VALUES (?, ?, ?)
    ON CONFLICT (kind, subject) DO UPDATE SET node = excluded.node`);
  const setGone = database.prepare('DELETE FROM webhook_present WHERE kind = ? AND subject = ?');
  const eventsOf = database
    .prepare<[string], number>('SELECT number FROM webhook_events WHERE node = ? ORDER BY number')
    .pluck();
  const moveEvent = database.prepare(
    'UPDATE webhook_events SET node = ?, number = ? WHERE node = ? AND number = ?',
  );
  const movePresent = database.prepare('UPDATE webhook_present SET node = ? WHERE node = ?');

  function mark(node: string, kind: EventSubject['kind'], subject: string, isPresent: boolean): undefined {
    if (isPresent) setPresent.run(node, kind, subject);
    else setGone.run(kind, subject);
    return undefined;
  }

  return {
    putEvent(node, number, id, type, kind, subject, atMs, isPresent) {
      putEvent.run(node, number, id, type, subject, atMs);
      return mark(node, kind, subject, isPresent);
    },
    markSubject: mark,
    dropEvent(node, number) {
      dropEvent.run(node, number);
      return undefined;
    },
    clearEvents(node) {
      clearEvents.run(node);
      return undefined;
    },
    adoptEvents(node, dead) {
      if (node === dead) return undefined;
      const numbers = eventsOf.all(dead);
      // The node's own numbers count up from 1; those it takes over come below all of them, in their order.
      let number = Math.min(1, eventsOf.get(node) ?? 1) - numbers.length;
      for (const was of numbers) moveEvent.run(node, number++, dead, was);
      movePresent.run(node, dead);
      return undefined;
    },
  };
}
