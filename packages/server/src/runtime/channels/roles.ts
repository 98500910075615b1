import { isAtLeast, type Role } from '@carillon/protocol';
import type { Matched, Patterns } from '../../core/channel/patterns.ts';
import { keepsAnswers } from '../../ports/authorizer.ts';
import { type NodeContext, sendControl } from '../context.ts';
import {
  type DocumentRole,
  type HubChannel,
  type LocalSession,
  type Right,
  type RightResult,
  type Subscription,
  channelsOf,
} from '../link-state.ts';
import { documentOf } from './beside.ts';
import { createRoleChecks } from './role-checks.ts';
import { askRule, FOREIGN, ownerOf } from './rule-rights.ts';
import { soon } from './soon.ts';

/** Roles that a session keeps of documents that it is not subscribed to; beyond it the oldest is asked for again. */
const MAX_KEPT = 256;

/**
 * What sessions may do with documents, and with what lies beside them ([DOC5]). A session's role on a document is one, whatever
 * it does there: the rule is asked once for all of it, and all of it changes in one turn.
 */
export type Roles = {
  /**
   * The right to a channel that is a document, or lies beside one.
   *
   * @param grant of a document alone: what stands for the rule's answer
   */
  rightTo(
    session: LocalSession,
    name: string,
    matched: Matched,
    grant: string | undefined,
    least: 'read' | 'comment' | 'write',
  ): RightResult | Promise<RightResult>;
  /** What holds of a right that was given a moment ago: null where it was taken away meanwhile. */
  latest(session: LocalSession, channel: HubChannel, given: Right): Right | null;
  /** A subscription began by it: the role is watched from now on. */
  joined(subscription: Subscription): void;
  /**
   * Asks the rule again. Roles that grants gave stay: they end by themselves.
   *
   * @param user null: everybody who has a role on the document
   * @returns false where it could not be asked of somebody: they keep what they have for a while
   */
  recheck(document: string, user: string | null): Promise<boolean>;
  /** Ends what a session has of a document, and what lies beside it. */
  end(session: LocalSession, document: string): void;
  /** The session is over. */
  ended(session: LocalSession): void;
  /** Told in the turn in which the role of a document's subscription changes, behind the change; its end tells itself. */
  onChanged(listener: (subscription: Subscription, before: Role) => void): void;
  readonly timers: number;
  stop(): void;
};

/** How long after a question that nobody could answer the next is asked, ms: as long as it has lasted already, within this. */
const RETRY_MS = { least: 1_000, most: 15_000 } as const;

const OWNS: RightResult = { ok: true, right: { by: 'owner', untilMs: null, role: 'write' } };
const NO_DOCUMENT: RightResult = { ok: false, code: 'forbidden', detail: 'no such document' };
const TAKEN_AWAY: RightResult = {
  ok: false,
  code: 'forbidden',
  detail: 'the role was taken away meanwhile',
};
const BESIDE: RightResult = {
  ok: false,
  code: 'grant_invalid',
  detail: 'it lies beside a document: the right to it is the role there',
};

/** @param end ends a subscription, telling nobody */
export function createRoles(
  context: NodeContext,
  patterns: Patterns,
  end: (subscription: Subscription) => void,
): Roles {
  const { authorizer, clock, grants, telemetry } = context.ports;
  const { publishRightMs, roleKeptMs } = context.settings;
  const checks = createRoleChecks(clock, checkDue);
  let changed: (subscription: Subscription, before: Role) => void = () => undefined;

  /** What the session is subscribed to by this role. */
  function* usesOf({ session, document }: DocumentRole): Generator<Subscription> {
    for (const subscription of session.channels?.subscriptions.values() ?? [])
      if (subscription.channel.document === document) yield subscription;
  }

  function isUsed(kept: DocumentRole): boolean {
    return usesOf(kept).next().done !== true;
  }

  function keep(session: LocalSession, document: string, matched: Matched): DocumentRole {
    const { roles } = channelsOf(session);
    if (roles.size >= MAX_KEPT) {
      for (const kept of roles.values()) {
        if (kept.asking !== null || isUsed(kept)) continue;
        roles.delete(kept.document);
        break;
      }
    }
    const kept: DocumentRole = {
      ...{ session, document, matched, right: null, keptUntilMs: 0 },
      ...{ asking: null, questions: 0, unanswered: null },
    };
    roles.set(document, kept);
    return kept;
  }

  function roleOn(session: LocalSession, document: string): RightResult | Promise<RightResult> {
    const kept = session.channels?.roles.get(document);
    if (kept !== undefined) {
      if (kept.asking !== null) return kept.asking;
      return kept.right !== null && holds(kept, kept.right) ? { ok: true, right: kept.right } : ask(kept);
    }
    const matched = patterns.match(document);
    if (!matched.ok || matched.spec.kind !== 'document') return NO_DOCUMENT;
    const owner = ownerOf(matched);
    if (owner !== undefined) return owner === session.user ? OWNS : FOREIGN;
    return ask(keep(session, document, matched));
  }

  function holds(kept: DocumentRole, right: Right): boolean {
    const nowMs = clock.nowMs();
    // One that nobody could be asked about is asked for again by the checks.
    if (kept.unanswered !== null || nowMs < kept.keptUntilMs) return true;
    if (right.untilMs !== null || !isUsed(kept)) return false;
    kept.keptUntilMs = nowMs + publishRightMs;
    return true;
  }

  /** Asks the rule. All who wait for an answer are given the one to the last question: an older one may tell what was before. */
  function ask(kept: DocumentRole): RightResult | Promise<RightResult> {
    const question = ++kept.questions;
    const said = askRule(context, kept.session, kept.document, kept.matched, 'subscribe');
    if (!(said instanceof Promise)) {
      kept.asking = null;
      return settle(kept, said);
    }
    const asking = said
      .catch((error: unknown): RightResult => {
        telemetry.warn('right_renewal_failed', { error: String(error) });
        return { ok: false, code: 'unavailable', detail: 'nobody could say who may' };
      })
      .then((result) => {
        if (kept.questions !== question) return kept.asking ?? settled(kept);
        kept.asking = null;
        return settle(kept, result);
      });
    kept.asking = asking;
    return asking;
  }

  function settled({ right }: DocumentRole): RightResult {
    return right === null ? TAKEN_AWAY : { ok: true, right };
  }

  function settle(kept: DocumentRole, result: RightResult): RightResult {
    if (result.ok) {
      give(kept, result.right);
      return result;
    }
    if (result.code === 'unavailable' && kept.right !== null && mayStay(kept))
      return { ok: true, right: kept.right };
    takeAway(kept, result.code);
    return result;
  }

  function give(kept: DocumentRole, right: Right): void {
    kept.right = right;
    kept.unanswered = null;
    kept.keptUntilMs = right.untilMs ?? clock.nowMs() + publishRightMs;
    checks.watch(kept);
    for (const subscription of [...usesOf(kept)]) {
      const before = subscription.right.role;
      subscription.right = right;
      const { channel, state } = subscription;
      if (channel.spec.kind !== 'document' || before === right.role) continue;
      changed(subscription, before ?? 'none');
      if (state.name !== 'waiting')
        sendControl(context, state.link, { t: 'role', c: channel.name, role: right.role, m: CHANGED });
    }
  }

  /** Whoever could not be asked about keeps what they have for a while: a rule that is down for a moment throws nobody out. */
  function mayStay(kept: DocumentRole): boolean {
    if (!isUsed(kept)) return false;
    const nowMs = clock.monotonicMs();
    const sinceMs = kept.unanswered?.sinceMs ?? nowMs;
    const lastedMs = nowMs - sinceMs;
    if (lastedMs >= roleKeptMs) return false;
    const waitMs = Math.min(Math.max(lastedMs, RETRY_MS.least), RETRY_MS.most, roleKeptMs - lastedMs);
    kept.unanswered = { sinceMs, retryAtMs: nowMs + waitMs };
    checks.watch(kept);
    return true;
  }

  function takeAway(kept: DocumentRole, code: 'forbidden' | 'grant_invalid' | 'unavailable'): void {
    kept.right = null;
    forget(kept);
    for (const subscription of [...usesOf(kept)]) {
      const { channel, state } = subscription;
      end(subscription);
      if (state.name !== 'waiting')
        sendControl(context, state.link, { t: 'unsub', c: channel.name, code, m: OVER[code] });
    }
  }

  function forget(kept: DocumentRole): void {
    checks.forget(kept);
    const roles = kept.session.channels?.roles;
    if (roles?.get(kept.document) === kept) roles.delete(kept.document);
  }

  /** A role ran out, or is to be asked for again. */
  function checkDue(kept: DocumentRole): void {
    if (!isUsed(kept)) forget(kept);
    else if (kept.right?.by === 'grant') takeAway(kept, 'grant_invalid');
    else if (kept.asking === null) void ask(kept);
  }

  function byGrant(
    session: LocalSession,
    document: string,
    matched: Matched,
    grant: string,
  ): RightResult | Promise<RightResult> {
    if (ownerOf(matched) !== undefined) return OWNS;
    return soon(grants.verify(grant, session.user, document, clock.nowMs()), (verified): RightResult => {
      if (!verified.ok) return { ok: false, code: 'grant_invalid', detail: verified.detail };
      const { expiresAtMs, role } = verified.grant;
      if (role === 'none') return { ok: false, code: 'grant_invalid', detail: 'its role is none' };
      const kept = channelsOf(session).roles.get(document) ?? keep(session, document, matched);
      // What is being asked of the rule counts no more.
      kept.questions++;
      kept.asking = null;
      return settle(kept, {
        ok: true,
        right: { by: 'grant', untilMs: expiresAtMs, role: role ?? 'read' },
      });
    });
  }

  return {
    rightTo(session, name, matched, grant, least) {
      const document =
        channelsOf(session).subscriptions.get(name)?.channel.document ??
        documentOf(name, matched.spec, matched.params);
      if (document === undefined) return NO_DOCUMENT;
      if (grant !== undefined && matched.spec.kind !== 'document') return BESIDE;
      const role =
        grant === undefined ? roleOn(session, document) : byGrant(session, document, matched, grant);
      return soon(role, (result): RightResult => {
        if (!result.ok || isAtLeast(result.right.role ?? 'none', least)) return result;
        const detail = `the role there is ${String(result.right.role)}, and this needs ${least}`;
        return { ok: false, code: 'forbidden', detail };
      });
    },
    latest(session, { document }, given) {
      if (given.by === 'owner' || document === undefined) return given;
      return session.channels?.roles.get(document)?.right ?? null;
    },
    joined({ session, channel: { document } }) {
      const kept = document === undefined ? undefined : session.channels?.roles.get(document);
      if (kept !== undefined) checks.watch(kept);
    },
    async recheck(document, user) {
      if (keepsAnswers(authorizer)) authorizer.forget(document, user);
      const sessions = user === null ? context.sessions.values() : (context.sessionsOf.get(user) ?? []);
      const kepts: DocumentRole[] = [];
      for (const session of sessions) {
        const kept = session.channels?.roles.get(document);
        if (kept === undefined || kept.right?.by === 'grant') continue;
        if (kept.asking === null && !isUsed(kept)) forget(kept);
        else kepts.push(kept);
      }
      await Promise.all(kepts.map(async (kept) => ask(kept)));
      return kepts.every(({ unanswered }) => unanswered === null);
    },
    end(session, document) {
      const kept = session.channels?.roles.get(document);
      if (kept === undefined) return;
      kept.questions++;
      kept.asking = null;
      takeAway(kept, 'forbidden');
    },
    ended(session) {
      for (const kept of session.channels?.roles.values() ?? []) {
        kept.questions++;
        kept.asking = null;
        kept.right = null;
        checks.forget(kept);
      }
      session.channels?.roles.clear();
    },
    onChanged(listener) {
      changed = listener;
    },
    get timers() {
      return checks.size;
    },
    stop: () => checks.stop(),
  };
}

/** Why, for people. */
const CHANGED = 'what you may do here was changed';
const OVER = {
  forbidden: 'the role on the document was taken away',
  grant_invalid: 'the grant ran out',
  unavailable: 'nobody could say for too long who may',
} as const;
