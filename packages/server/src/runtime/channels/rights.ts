import type { Matched } from '../../core/channel/patterns.ts';
import type { NodeContext } from '../context.ts';
import { type LocalSession, type Right, type RightResult, channelsOf } from '../link-state.ts';
import { isByRole } from './beside.ts';
import type { Roles } from './roles.ts';
import { askRule, FOREIGN, ownerOf } from './rule-rights.ts';
import { soon } from './soon.ts';

/** Rights to publish that a session keeps; beyond it all are asked for again. */
const MAX_PUBLISH_RIGHTS = 256;

const OWNER: RightResult = { ok: true, right: { by: 'owner', untilMs: null, role: null } };
/** @param held what the session has been given before: while it lasts, nobody is asked again */
export function rightToSubscribe(
  context: NodeContext,
  roles: Roles,
  session: LocalSession,
  name: string,
  matched: Matched,
  grant: string | undefined,
  held: Right | undefined,
): RightResult | Promise<RightResult> {
  const { clock, grants } = context.ports;
  const owner = ownerOf(matched);
  if (owner !== undefined && owner !== session.user) return FOREIGN;
  if (isByRole(matched.spec)) return roles.rightTo(session, name, matched, grant, 'read');
  if (owner !== undefined) return OWNER;
  const nowMs = clock.nowMs();
  if (grant !== undefined) {
    return soon(grants.verify(grant, session.user, name, nowMs), (result): RightResult =>
      result.ok
        ? { ok: true, right: { by: 'grant', untilMs: result.grant.expiresAtMs, role: null } }
        : { ok: false, code: 'grant_invalid', detail: result.detail },
    );
  }
  if (held !== undefined && (held.untilMs === null || held.untilMs > nowMs)) return { ok: true, right: held };
  return askRule(context, session, name, matched, 'subscribe');
}

/**
 * Whether the session may publish: as the owner where the contract says so, beside a document by the role there, otherwise by a rule,
 * asked once in a while.
 */
export function rightToPublish(
  context: NodeContext,
  roles: Roles,
  session: LocalSession,
  name: string,
  matched: Matched,
): RightResult | Promise<RightResult> {
  const owner = ownerOf(matched);
  if (owner !== undefined && owner !== session.user) return FOREIGN;
  const { spec } = matched;
  if (isByRole(spec))
    return roles.rightTo(session, name, matched, undefined, spec.kind === 'document' ? 'write' : 'comment');
  if (owner !== undefined && spec.ownerPublishes) return OWNER;
  const { publishRights } = channelsOf(session);
  const nowMs = context.ports.clock.nowMs();
  const untilMs = publishRights.get(name);
  if (untilMs !== undefined && untilMs > nowMs)
    return { ok: true, right: { by: 'rule', untilMs, role: null } };
  return soon(askRule(context, session, name, matched, 'publish'), (result) => {
    if (!result.ok) {
      publishRights.delete(name);
      return result;
    }
    if (publishRights.size >= MAX_PUBLISH_RIGHTS) publishRights.clear();
    publishRights.set(name, result.right.untilMs ?? nowMs + context.settings.publishRightMs);
    return result;
  });
}
