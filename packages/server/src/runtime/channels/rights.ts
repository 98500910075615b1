import type { Matched } from '../../core/channel/patterns.ts';
import type { Decision } from '../../ports/authorizer.ts';
import type { NodeContext } from '../context.ts';
import type { LocalSession } from '../link-state.ts';
import { soon } from './soon.ts';
import { type Right, channelsOf } from '../link-state.ts';

export type RightResult =
  | { readonly ok: true; readonly right: Right }
  | {
      readonly ok: false;
      readonly code: 'forbidden' | 'grant_invalid' | 'unavailable';
      readonly detail: string;
    };

/** Rights to publish that a session keeps; beyond it all are asked for again. */
const MAX_PUBLISH_RIGHTS = 256;

const OWNER: RightResult = { ok: true, right: { by: 'owner', untilMs: null } };
const FOREIGN: RightResult = { ok: false, code: 'forbidden', detail: 'the channel belongs to another user' };

/** Whose channel it is: by construction nobody else's, whatever a rule says ([CHN3]). Undefined: nobody's. */
export function ownerOf({ params }: Pick<Matched, 'params'>): string | undefined {
  return Object.hasOwn(params, 'user') ? params['user'] : undefined;
}

/** @param held what the session has been given before: while it lasts, nobody is asked again */
export function rightToSubscribe(
  context: NodeContext,
  session: LocalSession,
  name: string,
  matched: Matched,
  grant: string | undefined,
  held: Right | undefined,
): RightResult | Promise<RightResult> {
  const { clock, grants } = context.ports;
  const owner = ownerOf(matched);
  if (owner !== undefined) return owner === session.user ? OWNER : FOREIGN;
  const nowMs = clock.nowMs();
  if (grant !== undefined) {
    return soon(grants.verify(grant, session.user, name, nowMs), (result): RightResult =>
      result.ok
        ? { ok: true, right: { by: 'grant', untilMs: result.grant.expiresAtMs } }
        : { ok: false, code: 'grant_invalid', detail: result.detail },
    );
  }
  if (held !== undefined && (held.untilMs === null || held.untilMs > nowMs)) return { ok: true, right: held };
  return askRule(context, session, name, matched, 'subscribe');
}

/** Whether a rule lets the user do it now. */
export function askRule(
  context: NodeContext,
  session: Pick<LocalSession, 'id' | 'user'>,
  name: string,
  { spec, params }: Matched,
  action: 'subscribe' | 'publish',
): RightResult | Promise<RightResult> {
  const request = {
    user: session.user,
    session: session.id,
    action,
    channel: name,
    pattern: spec.pattern,
    params,
  };
  return soon(context.ports.authorizer.decide(request), (decision: Decision): RightResult =>
    decision.allow
      ? { ok: true, right: { by: 'rule', untilMs: decision.untilMs } }
      : { ok: false, code: decision.code, detail: decision.detail },
  );
}

/** Whether the session may publish: as the owner where the contract says so, otherwise by a rule, asked once in a while. */
export function rightToPublish(
  context: NodeContext,
  session: LocalSession,
  name: string,
  matched: Matched,
): RightResult | Promise<RightResult> {
  const owner = ownerOf(matched);
  if (owner !== undefined && owner !== session.user) return FOREIGN;
  if (owner !== undefined && matched.spec.ownerPublishes) return OWNER;
  const { publishRights } = channelsOf(session);
  const nowMs = context.ports.clock.nowMs();
  const untilMs = publishRights.get(name);
  if (untilMs !== undefined && untilMs > nowMs) return { ok: true, right: { by: 'rule', untilMs } };
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
