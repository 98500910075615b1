/** How soon after it began to serve a worker's death counts as dying at once: its replacement then waits. */
export const STEADY_MS = 10_000;

/** The pause before a worker that died at once is started again; doubles with each further time. */
export const FIRST_PAUSE_MS = 1_000;

/** A machine whose Redis was away has all its workers back within this. */
export const LONGEST_PAUSE_MS = 30_000;

/** How long a worker that was told to leave may take: longer than its own limit, so that only one that hangs is killed. */
export const LEAVE_TIME_LIMIT_MS = 15_000;

/** One place in the pool. The number of a worker is that of its place, whichever process fills it. */
export type Slot =
  /** No process. `unable`: the last one did not get as far as serving. */
  | { readonly at: 'empty'; readonly failures: number; readonly unable: boolean }
  | { readonly at: 'starting'; readonly failures: number }
  /** It took too long to start and was killed, which is not over yet. What it still says is not heard. */
  | { readonly at: 'overdue'; readonly failures: number }
  | { readonly at: 'serving'; readonly failures: number; readonly sinceMs: number }
  /** Told to drain. */
  | { readonly at: 'leaving' };

export type PoolPhase =
  /** The first worker starts alone: what keeps it from starting would keep the others too, and is said once. */
  'opening' | 'running' | 'stopping';

export type PoolOptions = {
  /** At least 1. */
  readonly size: number;
  /** How long a worker may take from its start until it serves, ms. */
  readonly startTimeoutMs: number;
};

export type Pool = {
  readonly phase: PoolPhase;
  readonly startTimeoutMs: number;
  readonly slots: readonly Slot[];
  /** Workers still to be restarted, the one under way first; empty where nobody asked for it. */
  readonly rolling: readonly number[];
  /** Whether every worker ended as it was asked to, as far as they have. */
  readonly clean: boolean;
};

/** How a worker's process ended. */
export type WorkerExit = {
  readonly code: number | null;
  readonly signal: string | null;
  /** What it said about why it did not start; null where it said nothing. */
  readonly reason: string | null;
};

/** Workers are numbered from 1. */
export type PoolEvent =
  | { readonly type: 'begin' }
  | { readonly type: 'serving'; readonly worker: number; readonly nowMs: number }
  | { readonly type: 'exited'; readonly worker: number; readonly exit: WorkerExit; readonly nowMs: number }
  /** The time of a `wait` is over. */
  | { readonly type: 'due'; readonly worker: number }
  | { readonly type: 'stop' }
  | { readonly type: 'roll' };

export type PoolEffect =
  | { readonly type: 'fork'; readonly worker: number }
  | { readonly type: 'drain'; readonly worker: number }
  | { readonly type: 'kill'; readonly worker: number }
  /** In place of an earlier wait for the same worker, which is then forgotten. */
  | { readonly type: 'wait'; readonly worker: number; readonly delayMs: number }
  | {
      readonly type: 'note';
      readonly level: 'info' | 'warn';
      readonly event: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  /** Nothing is left to do. `problem`: one line for whoever started it. */
  | { readonly type: 'end'; readonly ok: boolean; readonly problem: string | null };

export type PoolStep = { readonly pool: Pool; readonly effects: readonly PoolEffect[] };

const NEVER_BEGUN: Slot = { at: 'empty', failures: 0, unable: false };

export function createPool({ size, startTimeoutMs }: PoolOptions): Pool {
  return {
    phase: 'opening',
    startTimeoutMs,
    slots: Array.from({ length: size }, () => NEVER_BEGUN),
    rolling: [],
    clean: true,
  };
}

/** What becomes of the pool, and what is to be done, in order. Pure: times are handed in, ms of a clock that never steps back. */
export function transition(pool: Pool, event: PoolEvent): PoolStep {
  switch (event.type) {
    case 'begin':
      return fork(pool, 1);
    case 'serving':
      return serving(pool, event.worker, event.nowMs);
    case 'exited':
      return pool.phase === 'stopping'
        ? left(pool, event.worker, event.exit)
        : exited(pool, event.worker, event.exit, event.nowMs);
    case 'due':
      return due(pool, event.worker);
    case 'stop':
      return stop(pool);
    case 'roll':
      return roll(pool);
  }
}

function serving(pool: Pool, worker: number, nowMs: number): PoolStep {
  const slot = slotOf(pool, worker);
  // It was told to leave, or killed, in the moment in which it came up.
  if (slot.at !== 'starting') return { pool, effects: [] };
  const up: Pool = {
    ...put(pool, worker, { at: 'serving', failures: slot.failures, sinceMs: nowMs }),
    phase: 'running',
  };
  if (pool.phase === 'opening') {
    const others = up.slots.flatMap((_, index) => (index + 1 === worker ? [] : [index + 1]));
    return others.reduce<PoolStep>((step, other) => after(step, (now) => fork(now, other)), {
      pool: up,
      effects: [],
    });
  }
  if (pool.rolling[0] !== worker) return { pool: up, effects: [] };
  return rollOn({ ...up, rolling: pool.rolling.slice(1) });
}

/** A worker's process ended, and nobody asked the pool to stop. */
function exited(pool: Pool, worker: number, exit: WorkerExit, nowMs: number): PoolStep {
  const slot = slotOf(pool, worker);
  const { code, signal } = exit;
  switch (slot.at) {
    case 'empty':
      return { pool, effects: [] };
    case 'leaving':
      return fork(pool, worker);
    case 'serving': {
      const steady = nowMs - slot.sinceMs >= STEADY_MS;
      const note = warn('worker_died', { worker, code, signal });
      if (steady) return noted(note, fork(put(pool, worker, NEVER_BEGUN), worker));
      return noted(note, pause(pool, worker, slot.failures + 1, false));
    }
    case 'overdue':
      return didNotStart(pool, worker, slot.failures, {
        ...exit,
        reason: `no worker can start: the last one did not serve within ${pool.startTimeoutMs} ms, and was killed`,
      });
    case 'starting':
      return didNotStart(pool, worker, slot.failures, exit);
  }
}

function didNotStart(pool: Pool, worker: number, failures: number, exit: WorkerExit): PoolStep {
  const { code, signal } = exit;
  if (pool.phase === 'opening') return { pool, effects: [failed(exit)] };
  // Whatever keeps it from starting would keep the next one too.
  const paused = pause({ ...pool, rolling: [] }, worker, failures + 1, true);
  if (paused.pool.slots.every((other) => other.at === 'empty' && other.unable))
    return { pool: paused.pool, effects: [failed(exit)] };
  return noted(
    warn('worker_did_not_start', { worker, code, signal, reason: exit.reason ?? undefined }),
    paused,
  );
}

/** A worker's process ended while all are to end. One that SIGTERM could end had not come up, and had no clients. */
function left(pool: Pool, worker: number, { code, signal }: WorkerExit): PoolStep {
  const ok = code === 0 || signal === 'SIGTERM';
  const rest = { ...put(pool, worker, NEVER_BEGUN), clean: pool.clean && ok };
  return { pool: rest, effects: isOver(rest) ? [{ type: 'end', ok: rest.clean, problem: null }] : [] };
}

function due(pool: Pool, worker: number): PoolStep {
  const slot = slotOf(pool, worker);
  if (slot.at === 'leaving')
    return { pool, effects: [warn('worker_hangs', { worker }), { type: 'kill', worker }] };
  if (slot.at === 'starting')
    return {
      pool: put(pool, worker, { at: 'overdue', failures: slot.failures }),
      effects: [
        warn('worker_hangs_starting', { worker, startTimeoutMs: pool.startTimeoutMs }),
        { type: 'kill', worker },
      ],
    };
  return slot.at === 'empty' && pool.phase === 'running' ? fork(pool, worker) : { pool, effects: [] };
}

function stop(pool: Pool): PoolStep {
  if (pool.phase === 'stopping') return { pool, effects: [] };
  const there = pool.slots.flatMap(({ at }, index) => (at === 'empty' ? [] : [index + 1]));
  const slots = pool.slots.map(({ at }): Slot => (at === 'empty' ? NEVER_BEGUN : { at: 'leaving' }));
  const stopping: Pool = { ...pool, phase: 'stopping', slots, rolling: [] };
  if (there.length === 0) return { pool: stopping, effects: [{ type: 'end', ok: true, problem: null }] };
  return { pool: stopping, effects: there.flatMap(drain) };
}

/** Restarts every worker, one after the other: the next leaves when the one before serves again. */
function roll(pool: Pool): PoolStep {
  if (pool.phase !== 'running') return { pool, effects: [] };
  const under = pool.rolling.length > 0 ? [pool.rolling[0] as number] : [];
  const rolling = [...under, ...pool.slots.map((_, index) => index + 1)];
  // Asked again in the middle: the one that is under way is not disturbed, and everybody's turn comes once more.
  if (under.length > 0) return { pool: { ...pool, rolling }, effects: [] };
  return rollOn({ ...pool, rolling });
}

function rollOn(pool: Pool): PoolStep {
  const [worker] = pool.rolling;
  if (worker === undefined) return { pool, effects: [info('restarted', { workers: pool.slots.length })] };
  const slot = slotOf(pool, worker);
  // Not up, and will be a new process when it is.
  if (slot.at !== 'serving') return rollOn({ ...pool, rolling: pool.rolling.slice(1) });
  return {
    pool: put(pool, worker, { at: 'leaving' }),
    effects: [info('restarting_worker', { worker }), ...drain(worker)],
  };
}

function drain(worker: number): readonly PoolEffect[] {
  return [
    { type: 'drain', worker },
    { type: 'wait', worker, delayMs: LEAVE_TIME_LIMIT_MS },
  ];
}

function fork(pool: Pool, worker: number): PoolStep {
  const slot = slotOf(pool, worker);
  const failures = slot.at === 'empty' ? slot.failures : 0;
  return {
    pool: put(pool, worker, { at: 'starting', failures }),
    effects: [
      { type: 'fork', worker },
      // Not taken back when it serves: what is then due is nothing.
      { type: 'wait', worker, delayMs: pool.startTimeoutMs },
    ],
  };
}

function pause(pool: Pool, worker: number, failures: number, unable: boolean): PoolStep {
  const delayMs = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
  return {
    pool: put(pool, worker, { at: 'empty', failures, unable }),
    effects: [{ type: 'wait', worker, delayMs }],
  };
}

function failed({ code, signal, reason }: WorkerExit): PoolEffect {
  const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
  return { type: 'end', ok: false, problem: reason ?? `no worker can start: the last one ${how}` };
}

function isOver({ slots }: Pool): boolean {
  return slots.every(({ at }) => at === 'empty');
}

function slotOf(pool: Pool, worker: number): Slot {
  return pool.slots[worker - 1] ?? NEVER_BEGUN;
}

function put(pool: Pool, worker: number, slot: Slot): Pool {
  return { ...pool, slots: pool.slots.with(worker - 1, slot) };
}

function after({ pool, effects }: PoolStep, next: (pool: Pool) => PoolStep): PoolStep {
  const step = next(pool);
  return { pool: step.pool, effects: [...effects, ...step.effects] };
}

function noted(note: PoolEffect, { pool, effects }: PoolStep): PoolStep {
  return { pool, effects: [note, ...effects] };
}

function warn(event: string, fields: Readonly<Record<string, unknown>>): PoolEffect {
  return { type: 'note', level: 'warn', event, fields };
}

function info(event: string, fields: Readonly<Record<string, unknown>>): PoolEffect {
  return { type: 'note', level: 'info', event, fields };
}
