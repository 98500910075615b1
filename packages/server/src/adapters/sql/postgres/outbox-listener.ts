import type { Client } from 'pg';
import type { Clock, Timer } from '../../../ports/clock.ts';
import { type PostgresLimits, connectionOf, loadDriver } from './postgres.ts';

export type ListenerOptions = {
  readonly url: string;
  readonly limits: Pick<PostgresLimits, 'connectMs' | 'statementMs'>;
  readonly channel: string;
  readonly clock: Pick<Clock, 'setTimer'>;
  /** ms until the next attempt. */
  readonly pauseMs: (attempt: number) => number;
  /** Rows were inserted, or may have been while nobody listened. */
  readonly onWake: () => void;
  /** A connection that stood was lost. */
  readonly onLost: (detail: string) => void;
};

/** A connection that waits for notifications, and is made anew whenever it breaks. */
export type Listener = {
  /** Asks the server whether it is still there: a host that is gone closes nothing. */
  check(): void;
  stop(): Promise<void>;
};

export async function listen({
  url,
  limits,
  channel,
  clock,
  pauseMs,
  onWake,
  onLost,
}: ListenerOptions): Promise<Listener> {
  const { default: pg } = await loadDriver();
  let client: Client | null = null;
  let retry: Timer | null = null;
  let attempt = 0;
  let stopped = false;

  async function connect(): Promise<void> {
    const next = new pg.Client(connectionOf(url, limits));
    client = next;
    next.on('error', (error) => lost(next, error.message));
    next.once('end', () => lost(next, 'the connection was closed'));
    next.on('notification', onWake);
    try {
      await next.connect();
      await next.query(`LISTEN "${channel}"`);
      if (client !== next) return;
      attempt = 0;
      // What was inserted before it listened has told nobody.
      onWake();
    } catch (error) {
      lost(next, error instanceof Error ? error.message : String(error));
    }
  }

  function lost(which: Client, detail: string): void {
    if (client !== which || stopped) return;
    client = null;
    end(which);
    if (attempt === 0) onLost(detail);
    retry = clock.setTimer(pauseMs(attempt++), () => void connect());
  }

  await connect();
  return {
    check() {
      const asked = client;
      asked?.query('SELECT 1').catch((error: Error) => lost(asked, error.message));
    },
    async stop() {
      stopped = true;
      retry?.cancel();
      const last = client;
      client = null;
      await last?.end().catch(() => undefined); // Broken already.
    },
  };
}

function end(client: Client): void {
  client.end().catch(() => undefined); // It never stood, or is broken already.
}
