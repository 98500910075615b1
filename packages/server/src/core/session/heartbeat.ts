/**
 * Whether a client is still there. The server asks once an interval; an ask that is not followed by anything heard
 * within half an interval is a miss; two misses in a row end the connection. With 30 s that is at most 75 s after the
 * last sign of life ([HB3]).
 */
export type Pulse = {
  /** Asks in a row that nothing followed. */
  misses: number;
  /** Whether an ask is unanswered. */
  asked: boolean;
};

export const MISSES_TO_END = 2;

export function newPulse(): Pulse {
  return { misses: 0, asked: false };
}

/** Anything the client sends shows that it is there. */
export function heard(pulse: Pulse): void {
  pulse.asked = false;
  pulse.misses = 0;
}

export function ask(pulse: Pulse): void {
  pulse.asked = true;
}

/** Half an interval after the ask. */
export function checkAnswer(pulse: Pulse): 'alive' | 'missed' | 'dead' {
  if (!pulse.asked) return 'alive';
  pulse.misses++;
  return pulse.misses >= MISSES_TO_END ? 'dead' : 'missed';
}
