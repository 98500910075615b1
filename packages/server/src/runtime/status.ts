import type { StatusUpdate } from '@carillon/protocol';
import { offer, take } from '../core/presence/device-pace.ts';
import { readPatch } from '../core/presence/fields.ts';
import type { DevicePatch } from '../ports/presence.ts';
import { type NodeContext, sendControl, sendError } from './context.ts';
import type { DevicePacing, LinkState, LocalSession } from './link-state.ts';
import { RETRY_UNAVAILABLE_MS } from './retry.ts';

/** A client's `statusUpdate`: checked, held back if it comes too fast, applied, and acknowledged where it asks. */
export function updateStatus(
  context: NodeContext,
  link: LinkState,
  session: LocalSession,
  message: StatusUpdate,
): void {
  const read = readPatch(context.settings.fields, message);
  if (!read.ok) {
    sendError(context, link, 'bad_message', read.detail, message.i);
    return;
  }
  const { clock } = context.ports;
  const { pacing } = session;
  const asked = message.i === undefined ? [] : [{ link, request: message.i }];
  const decision = offer(pacing.pace, read.patch, clock.monotonicMs(), context.settings.conflateMs);
  switch (decision.kind) {
    case 'apply':
      void apply(context, session, decision.patch, asked);
      return;
    case 'wait':
      pacing.by = session;
      pacing.awaiting = asked;
      pacing.timer = clock.setTimer(decision.delayMs, () => void applyHeld(context, session));
      return;
    case 'merged':
      pacing.by = session;
      if (asked.length > 0) (pacing.awaiting ??= []).push(...asked);
      context.ports.telemetry.conflated();
  }
}

/**
 * Applies the change of the device that was held back. Also called before a session of it ends or detaches, so that
 * none is lost with the session that would have applied it.
 *
 * @returns when it was answered, for those who are about to close a connection that waits for that
 */
export function applyHeld(context: NodeContext, session: LocalSession): Promise<void> {
  const { pacing } = session;
  pacing.timer?.cancel();
  pacing.timer = null;
  const patch = take(pacing.pace, context.ports.clock.monotonicMs(), context.settings.conflateMs);
  const by = pacing.by ?? session;
  const asked = pacing.awaiting ?? [];
  pacing.by = null;
  pacing.awaiting = null;
  return patch === null ? Promise.resolve() : apply(context, by, patch, asked);
}

function apply(
  context: NodeContext,
  session: LocalSession,
  patch: DevicePatch,
  asked: NonNullable<DevicePacing['awaiting']>,
): Promise<void> {
  const { presence, telemetry } = context.ports;
  return presence.update(session.user, session.device, session.id, patch).then(
    () => {
      for (const { link, request } of asked) {
        if (link.phase === 'live') sendControl(context, link, { t: 'ok', i: request });
      }
    },
    (error: unknown) => {
      telemetry.warn('status_update_failed', { error: String(error) });
      for (const { link, request } of asked) {
        if (link.phase !== 'live') continue;
        sendError(
          context,
          link,
          'unavailable',
          'the change could not be stored',
          request,
          RETRY_UNAVAILABLE_MS,
        );
      }
    },
  );
}
