import type { Heartbeat } from '@carillon/protocol';
import { retryLater } from './line.ts';
import { renew, wakeCredential } from './renewal.ts';
import type { LivePhase, LoginPhase } from './state.ts';
import { type Step, arm, disarm, nextId, send } from './step.ts';

/** How long a probe may stay without its echo, ms. */
export const PROBE_TIMEOUT_MS = 5_000;

/** Heartbeat intervals of silence after which the line counts as dead: the server has asked twice in that time ([HB3]). */
export const SILENT_INTERVALS = 2.5;

/** A timer that fires this late shows that the machine slept, or that the page was put aside, ms. */
export const SLEPT_MS = 5_000;

/** Sets what a new connection needs: watching the line, renewing the token, telling what was not told. */
export function settleIn(step: Step, phase: LivePhase): void {
  watch(step, phase);
  renew(step);
  step.own?.tell(step);
}

/** Arms the `watch` timer: often enough to notice a sleep, and exactly when silence has lasted too long. */
function watch(step: Step, phase: LivePhase): void {
  const { nowMs, wallMs } = step.turn;
  const tickMs = phase.hbMs / 2;
  const deadInMs = phase.heardMs + phase.hbMs * SILENT_INTERVALS - nowMs;
  const delayMs = Math.ceil(deadInMs > 0 ? Math.min(tickMs, deadInMs) : tickMs);
  step.state.phase = { ...phase, tick: { nowMs, wallMs, delayMs } };
  arm(step, 'watch', delayMs);
}

export function onWatch(step: Step, phase: LivePhase): void {
  const { nowMs, wallMs } = step.turn;
  const { tick } = phase;
  // One clock stands still while the machine sleeps on some systems, the other may be set: either shows a sleep.
  const slept = Math.max(nowMs - tick.nowMs, wallMs - tick.wallMs) - tick.delayMs > SLEPT_MS;
  const silentMs = nowMs - phase.heardMs;
  // After a sleep, silence proves nothing yet: what was received meanwhile may not have been handed over.
  if (!slept && silentMs >= phase.hbMs * SILENT_INTERVALS) return retryLater(step, 'line_silent');
  if (slept) {
    probe(step, phase);
    // The clock that the token's life is counted by may have stood still: the other shows by how much.
    wakeCredential(step, wallMs - tick.wallMs - (nowMs - tick.nowMs));
  }
  if (step.state.phase.name === 'live') watch(step, step.state.phase);
}

/** Asks whether the line is still there; one question at a time ([HB4]). */
export function probe(step: Step, phase: LivePhase): void {
  if (phase.probe !== null) return;
  const q = nextId(step);
  step.state.phase = { ...phase, probe: q };
  arm(step, 'probe', PROBE_TIMEOUT_MS);
  const ask: Heartbeat = { t: 'hb', q };
  send(step, phase.socket, ask);
}

/** A heartbeat: the echo of a probe, or the server's question, answered in kind ([HB2]). */
export function takeHeartbeat(step: Step, phase: LivePhase | LoginPhase, message: Heartbeat): void {
  if (message.q === undefined) {
    const answer: Heartbeat = { t: 'hb' };
    send(step, phase.socket, answer);
  }
  // Before the sync a stamp says nothing: what it covers is not here yet.
  if (phase.name !== 'live') return;
  if (message.at !== undefined && step.state.resume !== null) {
    // Frames come in order, so everything up to the stamp has been applied.
    step.state.resume = { ...step.state.resume, at: message.at };
  }
  if (message.q === undefined || message.q !== phase.probe) return;
  step.state.phase = { ...phase, probe: null };
  disarm(step, 'probe');
}
