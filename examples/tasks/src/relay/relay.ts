import type { Publish, TaskStore } from '../store/task-store.ts';

/** Events that are read at once. */
const BATCH = 100;

/** How long the relay rests without being woken, ms: another process may have written, or died before it published. */
const LOOK_MS = 1_000;

/** The pauses behind a failure, ms: the first, and the longest of those that double. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

export type Relay = {
  /** There is something new. */
  wake(): void;
  /** Publishes nothing more; resolves once what is under way has ended. */
  stop(): Promise<void>;
};

export type RelayOptions = {
  readonly store: TaskStore;
  readonly publish: Publish;
  /** Told of each failure: what was not published is tried again. */
  complain(error: unknown): void;
};

/** Publishes the events of the outbox in their order, each at least once. */
export function startRelay({ store, publish, complain }: RelayOptions): Relay {
  let stopped = false;
  let woken = false;
  let wakeUp: (() => void) | null = null;

  /** Resolves after the pause, or when there is something new; a relay that failed waits the pause out. */
  async function rest(ms: number, mayBeWoken: boolean): Promise<void> {
    if (stopped || (mayBeWoken && woken)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    wakeUp = () => {
      if (stopped || mayBeWoken) resolve();
    };
    await promise;
    clearTimeout(timer);
    wakeUp = null;
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!stopped) {
      woken = false;
      try {
        const hasMore = await store.relay(BATCH, async (event) => {
          if (stopped) throw new Error('the relay was stopped');
          const published = await publish(event);
          // It never will be taken, and holds up no other: somebody has to look at it, in the outbox.
          if (!published.ok) complain(new Error(`event ${event.id} was refused: ${published.reason}`));
          return published;
        });
        failures = 0;
        if (!hasMore) await rest(LOOK_MS, true);
      } catch (error) {
        if (stopped) return;
        complain(error);
        const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
        failures += 1;
        // Half of it is chance: backends that lost one broker do not all come back at one moment.
        await rest(pauseMs / 2 + (Math.random() * pauseMs) / 2, false);
      }
    }
  }

  const running = run();
  return {
    wake() {
      woken = true;
      wakeUp?.();
    },
    async stop() {
      stopped = true;
      wakeUp?.();
      await running;
    },
  };
}
