import type { NodeContext } from './context.ts';
import { endSession, endStored } from './ending.ts';
import type { LocalSession } from './link-state.ts';
import { inTurns } from './turns.ts';

/** Ends a session whose login was revoked. */
export function endRevoked(context: NodeContext, session: LocalSession): void {
  if (session.link !== null) context.closeLink(session.link, 'revoked');
  endSession(context, session).catch((error: unknown) => {
    // It has no connection, and waits for one in its grace.
    context.ports.telemetry.warn('end_failed', { error: String(error) });
  });
}

/**
 * Ends the session that a revoked login wanted to go on with: with what it began may not be known, after a restart or on
 * another node, so that the revocation alone did not end it. One that has a connection goes on: under another login.
 */
export async function endUnresumed(context: NodeContext, user: string, resume: string): Promise<void> {
  const { sessions, secrets } = context.ports;
  const hash = secrets.hash(resume);
  for (const record of await sessions.sessionsOf(user)) {
    const isNamed = record.tokenHash === hash || record.previousTokenHash === hash;
    if (isNamed && record.detachedAtMs !== null) await endStored(context, record);
  }
}

/**
 * What is done where revocations of other nodes were learned: live sessions whose login is among them end. Those that wait in
 * their grace are let be, for what they logged in with may not be known here; whoever resumes one is asked.
 *
 * @returns called for each time; while it looks through the sessions, what is learned is looked for once more behind that
 */
export function createRevokedSessions(context: NodeContext): () => void {
  const { revocations } = context.ports;
  let looking = false;
  let again = false;

  function isRevoked({ user, tokenId, issuedAtMs, link }: LocalSession): boolean {
    return link?.phase === 'live' && revocations.isRevoked(user, tokenId, issuedAtMs);
  }

  async function look(): Promise<void> {
    looking = true;
    do {
      again = false;
      for await (const slice of inTurns(context, context.sessions.values()))
        for (const session of slice) if (isRevoked(session)) endRevoked(context, session);
    } while (again);
    looking = false;
  }

  return () => {
    again = true;
    if (!looking) void look();
  };
}
