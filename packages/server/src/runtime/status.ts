import type { StatusUpdate } from '@carillon/protocol';
import { offer, take } from '../core/presence/device-pace.ts';
import { readPatch } from '../core/presence/fields.ts';
import type { DevicePatch } from '../ports/presence.ts';
import { type NodeContext, sendControl, sendError } from './context.ts';
import type { LinkState, LocalSession } from './link-state.ts';
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
  const decision = offer(session.pace, read.patch, clock.monotonicMs(), context.settings.conflateMs);
  switch (decision.kind) {
    case 'apply':
      apply(context, session, decision.patch, message.i === undefined ? [] : [message.i]);
      return;
    case 'wait':
      if (message.i !== undefined) (session.awaitingPace ??= []).push(message.i);
      session.paceTimer = clock.setTimer(decision.delayMs, () => {
        session.paceTimer = null;
        applyHeld(context, session);
      });
      return;
    case 'merged':
      if (message.i !== undefined) (session.awaitingPace ??= []).push(message.i);
      context.ports.telemetry.conflated();
  }
}

/** Applies the change that was held back. Also called before a session ends or detaches, so that none is lost. */
export function applyHeld(context: NodeContext, session: LocalSession): void {
  session.paceTimer?.cancel();
  session.paceTimer = null;
  const patch = take(session.pace, context.ports.clock.monotonicMs(), context.settings.conflateMs);
  const requests = session.awaitingPace ?? [];
  session.awaitingPace = null;
  if (patch !== null) apply(context, session, patch, requests);
}

function apply(
  context: NodeContext,
  session: LocalSession,
  patch: DevicePatch,
  requests: readonly number[],
): void {
  const { presence, telemetry } = context.ports;
  const link = session.link;
  const applied = presence.update(session.user, session.device, session.id, patch);
  applied.then(
    () => {
      if (link === null || link.phase !== 'live') return;
      for (const i of requests) sendControl(context, link, { t: 'ok', i });
    },
    (error: unknown) => {
      telemetry.warn('status_update_failed', { error: String(error) });
      if (link === null || link.phase !== 'live') return;
      for (const i of requests) {
        sendError(context, link, 'unavailable', 'the change could not be stored', i, RETRY_UNAVAILABLE_MS);
      }
    },
  );
}
