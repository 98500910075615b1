import { describe, expect, it } from 'vitest';
import {
  createPool,
  FIRST_PAUSE_MS,
  LEAVE_TIME_LIMIT_MS,
  LONGEST_PAUSE_MS,
  type Pool,
  type PoolEffect,
  type PoolEvent,
  STEADY_MS,
  transition,
  type WorkerExit,
} from '../../../src/cli/workers/pool.ts';

const CRASHED: WorkerExit = { code: 1, signal: null, reason: null };
const KILLED: WorkerExit = { code: null, signal: 'SIGKILL', reason: null };
const LEFT: WorkerExit = { code: 0, signal: null, reason: null };

const START_TIMEOUT_MS = 4_321;

/** A process is started, and may take so long until it serves. */
const forked = (...workers: readonly number[]): string[] =>
  workers.flatMap((worker) => [`fork ${worker}`, `wait ${worker} ${START_TIMEOUT_MS}`]);

/** A pool under events; says what is to be done about each, notes left out. */
function poolOf(size: number) {
  let pool: Pool = createPool({ size, startTimeoutMs: START_TIMEOUT_MS });
  const notes: string[] = [];
  return {
    notes,
    get pool() {
      return pool;
    },
    on(event: PoolEvent): string[] {
      const step = transition(pool, event);
      pool = step.pool;
      for (const effect of step.effects) if (effect.type === 'note') notes.push(effect.event);
      return step.effects.filter(({ type }) => type !== 'note').map(named);
    },
    /** All workers serve, since 0. */
    up() {
      this.on({ type: 'begin' });
      for (let worker = 1; worker <= size; worker++) this.on({ type: 'serving', worker, nowMs: 0 });
      return this;
    },
    exited(worker: number, exit: WorkerExit, nowMs: number) {
      return this.on({ type: 'exited', worker, exit, nowMs });
    },
  };
}

function named(effect: PoolEffect): string {
  switch (effect.type) {
    case 'wait':
      return `wait ${effect.worker} ${effect.delayMs}`;
    case 'end':
      return `end ${effect.ok ? 'ok' : 'failed'}${effect.problem === null ? '' : `: ${effect.problem}`}`;
    case 'note':
      return effect.event;
    default:
      return `${effect.type} ${effect.worker}`;
  }
}

describe('the beginning', () => {
  it('is one worker, and the others when that serves', () => {
    const p = poolOf(3);
    expect(p.on({ type: 'begin' })).toEqual(forked(1));
    expect(p.on({ type: 'serving', worker: 1, nowMs: 5 })).toEqual(forked(2, 3));
    expect(p.on({ type: 'serving', worker: 3, nowMs: 6 })).toEqual([]);
  });

  it('is the end where the first cannot start, with its reason', () => {
    const p = poolOf(3);
    p.on({ type: 'begin' });
    expect(p.exited(1, { ...CRASHED, reason: 'PORT 80 is taken' }, 1)).toEqual([
      'end failed: PORT 80 is taken',
    ]);
  });

  it('is the end where the first dies without a word, with how it died', () => {
    const p = poolOf(1);
    p.on({ type: 'begin' });
    expect(p.exited(1, KILLED, 1)).toEqual([
      'end failed: no worker can start: the last one was ended by SIGKILL',
    ]);
    const q = poolOf(1);
    q.on({ type: 'begin' });
    expect(q.exited(1, CRASHED, 1)).toEqual([
      'end failed: no worker can start: the last one ended with code 1',
    ]);
  });
});

describe('a worker that dies', () => {
  it('is replaced at once after it had served for long', () => {
    const p = poolOf(2).up();
    expect(p.exited(2, KILLED, STEADY_MS)).toEqual(forked(2));
    expect(p.notes).toEqual(['worker_died']);
  });

  it('is replaced after a pause where it had served for less, and the pause doubles up to its bound', () => {
    const p = poolOf(2).up();
    const pauses: string[] = [];
    for (let round = 0; round < 8; round++) {
      pauses.push(...p.exited(2, CRASHED, STEADY_MS - 1));
      expect(p.on({ type: 'due', worker: 2 })).toEqual(forked(2));
      p.on({ type: 'serving', worker: 2, nowMs: 0 });
    }
    const doubling = [1, 2, 4, 8, 16].map((times) => `wait 2 ${times * FIRST_PAUSE_MS}`);
    const longest = `wait 2 ${LONGEST_PAUSE_MS}`;
    expect(pauses).toEqual([...doubling, longest, longest, longest]);
    // A long life makes up for the short ones.
    expect(p.exited(2, CRASHED, STEADY_MS)).toEqual(forked(2));
    p.on({ type: 'serving', worker: 2, nowMs: 0 });
    expect(p.exited(2, CRASHED, 1)).toEqual([`wait 2 ${FIRST_PAUSE_MS}`]);
  });

  it('and does not come up again is tried again as long as another serves', () => {
    const p = poolOf(2).up();
    p.exited(2, CRASHED, STEADY_MS);
    for (const pause of [1, 2, 4]) {
      expect(p.exited(2, { ...CRASHED, reason: 'no Redis' }, STEADY_MS)).toEqual([
        `wait 2 ${pause * FIRST_PAUSE_MS}`,
      ]);
      expect(p.on({ type: 'due', worker: 2 })).toEqual(forked(2));
    }
    expect(p.notes.at(-1)).toBe('worker_did_not_start');
  });

  it('and none that starts: it is over, with the reason of the last', () => {
    const p = poolOf(2).up();
    p.exited(1, CRASHED, STEADY_MS);
    p.exited(2, CRASHED, STEADY_MS);
    expect(p.exited(1, { ...CRASHED, reason: 'first' }, STEADY_MS)).toEqual([`wait 1 ${FIRST_PAUSE_MS}`]);
    expect(p.exited(2, { ...CRASHED, reason: 'no Redis' }, STEADY_MS)).toEqual(['end failed: no Redis']);
  });

  it('while another waits to be started again is no end yet', () => {
    const p = poolOf(2).up();
    expect(p.exited(1, CRASHED, 1)).toEqual([`wait 1 ${FIRST_PAUSE_MS}`]);
    p.exited(2, CRASHED, STEADY_MS);
    expect(p.exited(2, CRASHED, STEADY_MS)).toEqual([`wait 2 ${FIRST_PAUSE_MS}`]);
    expect(p.on({ type: 'due', worker: 1 })).toEqual(forked(1));
  });
});

describe('a worker that hangs while it starts', () => {
  it('is killed and replaced after a pause, and what it says meanwhile counts for nothing', () => {
    const p = poolOf(2).up();
    p.exited(2, CRASHED, STEADY_MS);
    expect(p.on({ type: 'due', worker: 2 })).toEqual(['kill 2']);
    expect(p.notes.at(-1)).toBe('worker_hangs_starting');
    expect(p.on({ type: 'serving', worker: 2, nowMs: STEADY_MS })).toEqual([]);
    expect(p.on({ type: 'due', worker: 2 })).toEqual([]);
    expect(p.exited(2, KILLED, STEADY_MS)).toEqual([`wait 2 ${FIRST_PAUSE_MS}`]);
    expect(p.notes.at(-1)).toBe('worker_did_not_start');
    expect(p.on({ type: 'due', worker: 2 })).toEqual(forked(2));
    // Once more: the pause doubles, as behind every start that fails.
    p.on({ type: 'due', worker: 2 });
    expect(p.exited(2, KILLED, STEADY_MS)).toEqual([`wait 2 ${2 * FIRST_PAUSE_MS}`]);
  });

  it('and serves in time stays: the end of its time is no matter any more', () => {
    const p = poolOf(2).up();
    expect(p.on({ type: 'due', worker: 2 })).toEqual([]);
    expect(p.notes).toEqual([]);
  });

  it('is the end where it is the first, with how long it was waited for', () => {
    const p = poolOf(3);
    p.on({ type: 'begin' });
    expect(p.on({ type: 'due', worker: 1 })).toEqual(['kill 1']);
    expect(p.exited(1, KILLED, START_TIMEOUT_MS)).toEqual([
      `end failed: no worker can start: the last one did not serve within ${START_TIMEOUT_MS} ms, and was killed`,
    ]);
  });

  it('ends a rolling restart, and the others stay as they are', () => {
    const p = poolOf(2).up();
    p.on({ type: 'roll' });
    p.exited(1, LEFT, 1);
    p.on({ type: 'due', worker: 1 });
    expect(p.exited(1, KILLED, 2)).toEqual([`wait 1 ${FIRST_PAUSE_MS}`]);
    expect(p.pool.rolling).toEqual([]);
  });

  it('does not hold up a stop', () => {
    const p = poolOf(2).up();
    p.exited(2, CRASHED, STEADY_MS);
    p.on({ type: 'due', worker: 2 });
    p.on({ type: 'stop' });
    p.exited(2, KILLED, STEADY_MS);
    expect(p.exited(1, LEFT, STEADY_MS)).toEqual(['end failed']);
  });
});

describe('a stop', () => {
  it('drains all, and is over when the last is gone', () => {
    const p = poolOf(2).up();
    expect(p.on({ type: 'stop' })).toEqual([
      'drain 1',
      `wait 1 ${LEAVE_TIME_LIMIT_MS}`,
      'drain 2',
      `wait 2 ${LEAVE_TIME_LIMIT_MS}`,
    ]);
    expect(p.on({ type: 'stop' })).toEqual([]);
    expect(p.exited(2, LEFT, 1)).toEqual([]);
    expect(p.exited(1, LEFT, 1)).toEqual(['end ok']);
  });

  it('is a failure where one of them failed', () => {
    const p = poolOf(2).up();
    p.on({ type: 'stop' });
    p.exited(1, CRASHED, 1);
    expect(p.exited(2, LEFT, 1)).toEqual(['end failed']);
  });

  it('kills who does not leave in time', () => {
    const p = poolOf(1).up();
    p.on({ type: 'stop' });
    expect(p.on({ type: 'due', worker: 1 })).toEqual(['kill 1']);
    expect(p.exited(1, KILLED, 1)).toEqual(['end failed']);
  });

  it('starts nobody any more: one that is starting goes, one that waits does not come', () => {
    const p = poolOf(3).up();
    p.exited(1, CRASHED, STEADY_MS);
    p.exited(2, CRASHED, 1);
    expect(p.on({ type: 'stop' })).toEqual([
      'drain 1',
      `wait 1 ${LEAVE_TIME_LIMIT_MS}`,
      'drain 3',
      `wait 3 ${LEAVE_TIME_LIMIT_MS}`,
    ]);
    expect(p.on({ type: 'due', worker: 2 })).toEqual([]);
    p.on({ type: 'serving', worker: 1, nowMs: 1 });
    expect(p.exited(3, LEFT, 1)).toEqual([]);
    expect(p.exited(1, { code: null, signal: 'SIGTERM', reason: null }, 1)).toEqual(['end ok']);
  });

  it('of a pool in which nobody is there is over at once', () => {
    const p = poolOf(1).up();
    p.exited(1, CRASHED, 1);
    expect(p.on({ type: 'stop' })).toEqual(['end ok']);
  });
});

describe('a rolling restart', () => {
  const drained = (worker: number): string[] => [`drain ${worker}`, `wait ${worker} ${LEAVE_TIME_LIMIT_MS}`];

  it('has one worker away at a time, and the next leaves when it serves', () => {
    const p = poolOf(2).up();
    expect(p.on({ type: 'roll' })).toEqual(drained(1));
    expect(p.exited(1, LEFT, 1)).toEqual(forked(1));
    expect(p.on({ type: 'serving', worker: 1, nowMs: 2 })).toEqual(drained(2));
    expect(p.exited(2, LEFT, 3)).toEqual(forked(2));
    expect(p.on({ type: 'serving', worker: 2, nowMs: 4 })).toEqual([]);
    expect(p.notes.at(-1)).toBe('restarted');
    expect(p.pool.rolling).toEqual([]);
  });

  it('ends where a worker does not come up again: the others stay as they are', () => {
    const p = poolOf(2).up();
    p.on({ type: 'roll' });
    p.exited(1, LEFT, 1);
    expect(p.exited(1, CRASHED, 2)).toEqual([`wait 1 ${FIRST_PAUSE_MS}`]);
    expect(p.on({ type: 'due', worker: 1 })).toEqual(forked(1));
    expect(p.on({ type: 'serving', worker: 1, nowMs: 3 })).toEqual([]);
  });

  it('passes by a worker that is new anyway, and kills one that does not leave', () => {
    const p = poolOf(3).up();
    p.on({ type: 'roll' });
    p.exited(2, CRASHED, STEADY_MS);
    expect(p.on({ type: 'due', worker: 1 })).toEqual(['kill 1']);
    expect(p.exited(1, KILLED, 1)).toEqual(forked(1));
    expect(p.on({ type: 'serving', worker: 1, nowMs: 2 })).toEqual(drained(3));
  });

  it('asked for again in the middle comes to everybody once more', () => {
    const p = poolOf(2).up();
    p.on({ type: 'roll' });
    expect(p.on({ type: 'roll' })).toEqual([]);
    p.exited(1, LEFT, 1);
    expect(p.on({ type: 'serving', worker: 1, nowMs: 2 })).toEqual(drained(1));
    p.exited(1, LEFT, 3);
    expect(p.on({ type: 'serving', worker: 1, nowMs: 4 })).toEqual(drained(2));
  });

  it('is not begun while the pool opens or stops, and a stop ends it', () => {
    const p = poolOf(2);
    p.on({ type: 'begin' });
    expect(p.on({ type: 'roll' })).toEqual([]);
    const q = poolOf(2).up();
    q.on({ type: 'roll' });
    q.on({ type: 'stop' });
    expect(q.on({ type: 'roll' })).toEqual([]);
    expect(q.exited(1, LEFT, 1)).toEqual([]);
    expect(q.exited(2, LEFT, 1)).toEqual(['end ok']);
  });
});
