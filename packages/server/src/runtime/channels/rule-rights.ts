import type { Role } from '@carillon/protocol';
import type { Matched } from '../../core/channel/patterns.ts';
import type { Decision } from '../../ports/authorizer.ts';
import type { NodeContext } from '../context.ts';
import type { LocalSession, RightResult } from '../link-state.ts';
import { soon } from './soon.ts';

export const FOREIGN: RightResult = {
  ok: false,
  code: 'forbidden',
  detail: 'the channel belongs to another user',
};

/** Whose channel it is: by construction nobody else's, whatever a rule says ([CHN3]). Undefined: nobody's. */
export function ownerOf({ params }: Pick<Matched, 'params'>): string | undefined {
  return Object.hasOwn(params, 'user') ? params['user'] : undefined;
}

/** Whether a rule lets the user do it now; of a document, what they may do there. */
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
    kind: spec.kind,
    params,
  };
  return soon(context.ports.authorizer.decide(request), (decision: Decision): RightResult => {
    if (!decision.allow) return { ok: false, code: decision.code, detail: decision.detail };
    const { untilMs } = decision;
    if (spec.kind !== 'document') return { ok: true, right: { by: 'rule', untilMs, role: null } };
    const role: Role = decision.role ?? 'none';
    // Whoever is let in without a role is let in for nothing.
    if (role === 'none') return { ok: false, code: 'forbidden', detail: 'no role on the document' };
    return { ok: true, right: { by: 'rule', untilMs, role } };
  });
}
