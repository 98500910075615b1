import cluster, { type Worker } from 'node:cluster';
import type { Logger } from '../../ops/logger.ts';
import { complain, EXIT_FAILED, EXIT_OK } from '../command.ts';
import { EXIT_SIGNALLED } from '../run-server.ts';
import { createSampleGathering } from './gather-samples.ts';
import { createPool, type PoolEffect, type PoolEvent, type PoolOptions, transition } from './pool.ts';
import { type FromWorker, isOurs, type ToWorker } from './worker-messages.ts';
import { WORKER_VARIABLE } from './worker-number.ts';

/** Asks for a restart of all workers, one after the other. Not SIGHUP: that also comes where a terminal is closed. */
const ROLL_SIGNAL = 'SIGUSR2';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** A worker's process, and what it has said of itself. */
type Running = { readonly worker: Worker; reason: string | null };

/**
 * Runs a server in several processes on one port until a signal ends them. This process takes no client and knows none: it
 * starts the workers (the same command over again), replaces those that die or do not get as far as serving, and ends them.
 *
 * SIGTERM and SIGINT drain all workers, a second one ends them at once. SIGUSR2 restarts them one by one.
 *
 * **Scheduling.** Connections are handed out in turn (`SCHED_RR`): this process accepts, and passes the socket on. Left to the
 * kernel (`SCHED_NONE`) each would go to whichever worker is the first to wake, which is mostly the same few; requests
 * even out over time, but a WebSocket stays for hours where it once went. Of a worker that hangs, round robin hands out one
 * connection and then waits for it, where the kernel would go on. The price is a hop for each new connection (none for its
 * messages), and that the one connection that was on its way to a worker when that was killed is never answered: it ends with its
 * client's patience.
 *
 * @returns the exit code; where no worker can start, that was then said
 */
export function supervise(options: PoolOptions, logger: Logger): Promise<number> {
  const { size } = options;
  const { promise, resolve } = Promise.withResolvers<number>();
  const running = new Map<number, Running>();
  const timers = new Map<number, NodeJS.Timeout>();
  let pool = createPool(options);

  cluster.schedulingPolicy = cluster.SCHED_RR;
  // JSON would turn the NaN that some metrics are into null.
  cluster.setupPrimary({ serialization: 'advanced' });

  const gathering = createSampleGathering({
    size,
    ask: (number, collection) => tell(number, { carillon: 'collect', collection }),
  });

  function take(event: PoolEvent): void {
    const step = transition(pool, event);
    pool = step.pool;
    for (const effect of step.effects) carryOut(effect);
  }

  function carryOut(effect: PoolEffect): void {
    switch (effect.type) {
      case 'fork':
        return fork(effect.worker);
      case 'drain':
        return signal(effect.worker, 'SIGTERM');
      case 'kill':
        return signal(effect.worker, 'SIGKILL');
      case 'wait': {
        const { worker, delayMs } = effect;
        forget(worker);
        timers.set(
          worker,
          setTimeout(() => take({ type: 'due', worker }), delayMs),
        );
        return;
      }
      case 'note':
        logger[effect.level](effect.fields, effect.event);
        return;
      case 'end':
        if (effect.problem !== null) complain(effect.problem);
        logger.info('stopped');
        resolve(effect.ok ? EXIT_OK : EXIT_FAILED);
        return;
    }
  }

  function fork(number: number): void {
    forget(number);
    const worker = cluster.fork({ [WORKER_VARIABLE]: String(number) });
    const process: Running = { worker, reason: null };
    running.set(number, process);
    worker.on('message', (message: unknown) => {
      if (isOurs<FromWorker>(message)) heard(number, process, message);
    });
    // A worker that ends while something is being sent to it: `exit` follows.
    worker.on('error', (error) => logger.debug({ worker: number, error: error.message }, 'worker_channel'));
    worker.once('exit', (code: number | null, signal: string | null) => {
      forget(number);
      running.delete(number);
      take({
        type: 'exited',
        worker: number,
        // Node says '' where there was no signal.
        exit: { code, signal: signal === '' ? null : signal, reason: process.reason },
        nowMs: performance.now(),
      });
    });
  }

  function heard(number: number, process: Running, message: FromWorker): void {
    switch (message.carillon) {
      case 'serving':
        logger.info({ worker: number, pid: process.worker.process.pid }, 'worker_serving');
        take({ type: 'serving', worker: number, nowMs: performance.now() });
        return;
      case 'not-started':
        process.reason = message.reason;
        return;
      case 'samples':
        gathering.answered(number, message.collection, message.samples);
        return;
      case 'scrape': {
        const { scrape } = message;
        void gathering.gather().then((workers) => tell(number, { carillon: 'scraped', scrape, workers }));
        return;
      }
    }
  }

  function tell(number: number, message: ToWorker): boolean {
    const there = running.get(number)?.worker;
    return there?.isConnected() === true && there.send(message);
  }

  function signal(number: number, name: 'SIGTERM' | 'SIGKILL'): void {
    running.get(number)?.worker.process.kill(name);
  }

  function forget(number: number): void {
    clearTimeout(timers.get(number));
    timers.delete(number);
  }

  process.on(ROLL_SIGNAL, () => take({ type: 'roll' }));
  for (const name of STOP_SIGNALS) {
    process.on(name, () => {
      if (pool.phase === 'stopping') {
        for (const number of running.keys()) signal(number, 'SIGKILL');
        process.exit(EXIT_SIGNALLED[name]);
      }
      logger.info({ signal: name }, 'draining');
      take({ type: 'stop' });
    });
  }
  logger.info({ workers: size }, 'supervising');
  take({ type: 'begin' });
  return promise;
}
