import type { StatusUpdate } from '@carillon/protocol';
import { offer, take } from '../core/presence/device-pace.ts';
import { readPatch } from '../core/presence/fields.ts';
import type { DevicePatch } from '../ports/presence.ts';
import { type NodeContext, sendControl, sendError } from './context.ts';
import type { DevicePacing, HttpStatus, LinkState, LocalSession, Waiting } from './link-state.ts';
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
  const asked = message.i === undefined ? [] : [{ link, request: message.i }];
  change(context, session.pacing, session, read.patch, asked);
}

/**
 * A status over HTTP, held back as its device's own changes are.
 *
 * @returns resolves when it is stored, or what overtook it; rejects where the store refused
 */
export function setHttpStatus(
  context: NodeContext,
  pacing: DevicePacing,
  status: HttpStatus,
  patch: DevicePatch,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settled = (refusal: Error | null): void => (refusal === null ? resolve() : reject(refusal));
    change(context, pacing, status, patch, [{ settled }]);
  });
}

function change(
  context: NodeContext,
  pacing: DevicePacing,
  by: LocalSession | HttpStatus,
  patch: DevicePatch,
  asked: Waiting[],
): void {
  const { clock } = context.ports;
  const decision = offer(pacing.pace, patch, clock.monotonicMs(), context.settings.conflateMs);
  switch (decision.kind) {
    case 'apply':
      void apply(context, by, decision.patch, asked);
      return;
    case 'wait':
      pacing.by = by;
      pacing.awaiting = asked;
      pacing.timer = clock.setTimer(decision.delayMs, () => void applyHeld(context, { pacing }));
      return;
    case 'merged':
      if (isHttp(by) || pacing.by === null || !isHttp(pacing.by)) pacing.by = by;
      if (asked.length > 0) (pacing.awaiting ??= []).push(...asked);
      context.ports.telemetry.conflated();
  }
}

/**
 * Applies the change of the device that was held back. Also called before a session or an HTTP status of it ends, or a
 * session detaches, so that none is lost with whoever would have applied it.
 *
 * @returns when it was answered, for those who are about to close a connection that waits for that
 */
export function applyHeld(
  context: NodeContext,
  { pacing }: { readonly pacing: DevicePacing },
): Promise<void> {
  const { by } = pacing;
  const held = takeHeld(context, pacing);
  return held.patch === null || by === null ? Promise.resolve() : apply(context, by, held.patch, held.asked);
}

/** Drops what an HTTP status of somebody erased would still do: it would bring them back. Sessions hold nothing then. */
export function forgetHeldHttpStatus(context: NodeContext, pacing: DevicePacing): void {
  if (pacing.by === null || !isHttp(pacing.by)) return;
  for (const waiting of takeHeld(context, pacing).asked) answer(context, waiting, null);
}

function takeHeld(
  context: NodeContext,
  pacing: DevicePacing,
): { readonly patch: DevicePatch | null; readonly asked: readonly Waiting[] } {
  pacing.timer?.cancel();
  pacing.timer = null;
  const patch = take(pacing.pace, context.ports.clock.monotonicMs(), context.settings.conflateMs);
  const asked = pacing.awaiting ?? [];
  pacing.by = null;
  pacing.awaiting = null;
  return { patch, asked };
}

function isHttp(by: LocalSession | HttpStatus): by is HttpStatus {
  return 'expiresAtMs' in by;
}

function apply(
  context: NodeContext,
  by: LocalSession | HttpStatus,
  patch: DevicePatch,
  asked: readonly Waiting[],
): Promise<void> {
  const { presence, telemetry } = context.ports;
  const stored: Promise<unknown> = isHttp(by)
    ? presence.join(by.user, by.device, { kind: 'lease', expiresAtMs: by.expiresAtMs }, patch)
    : presence.update(by.user, by.device, { session: by.id, generation: by.generation }, patch);
  return stored.then(
    () => {
      for (const waiting of asked) answer(context, waiting, null);
    },
    (error: unknown) => {
      telemetry.warn('status_update_failed', { error: String(error) });
      const refusal = error instanceof Error ? error : new Error(String(error));
      for (const waiting of asked) answer(context, waiting, refusal);
    },
  );
}

function answer(context: NodeContext, waiting: Waiting, refusal: Error | null): void {
  if ('settled' in waiting) return waiting.settled(refusal);
  const { link, request } = waiting;
  if (link.phase !== 'live') return;
  if (refusal === null) return sendControl(context, link, { t: 'ok', i: request });
  sendError(context, link, 'unavailable', 'the change could not be stored', request, RETRY_UNAVAILABLE_MS);
}
