import pg from 'pg';
import { nextTurn } from './outbox-under-test.ts';

export type Load = {
  /** Resolves when everything that was begun is committed; by key, how many rows it has: 1, 2, 3, … */
  stop(): Promise<ReadonlyMap<string, number>>;
};

/** Rows that may wait before a writer goes on: enough to find some whenever something strikes, and soon brought when it ends. */
const BACKLOG = 200;

/**
 * A backend that goes on inserting, each writer's transactions one behind the other. What was not answered is inserted again under the
 * same ids, as an app would.
 */
export async function startLoad(
  url: string,
  { writers, keys }: { readonly writers: number; readonly keys: number },
): Promise<Load> {
  const last = new Map<string, number>();
  let stopped = false;

  async function write(writer: number): Promise<void> {
    let client: pg.Client | null = null;
    for (let n = 1; !stopped; n++) {
      for (let done = false; !done;) {
        try {
          client ??= await connected(url);
          await client.query(
            `INSERT INTO carillon_outbox (event_id, topic, key, payload)
              SELECT key || '-' || $2::int, 'task-updates', key, jsonb_build_object('n', $2::int) FROM unnest($1::text[]) AS key`,
            [Array.from({ length: keys }, (_, i) => `${writer}/${i}`), n],
          );
          done = true;
        } catch {
          // Postgres is away: the same once more.
          client?.end().catch(() => undefined);
          client = null;
          await nextTurn();
        }
      }
      for (let i = 0; i < keys; i++) last.set(`${writer}/${i}`, n);
      while (!stopped && client !== null && (await isFull(client))) await nextTurn();
    }
    await client?.end();
  }

  const writing = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  await nextTurn();
  return {
    async stop() {
      stopped = true;
      await writing;
      return last;
    },
  };
}

async function isFull(client: pg.Client): Promise<boolean> {
  try {
    const { rows } = await client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM (SELECT FROM carillon_outbox WHERE state = 'waiting' LIMIT ${BACKLOG}) AS w`,
    );
    return rows[0]?.n === BACKLOG;
  } catch {
    return false; // Postgres is away: the next insert finds that.
  }
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    query_timeout: 2_000,
    connectionTimeoutMillis: 2_000,
  });
  client.on('error', () => undefined); // It is told by what it makes reject.
  await client.connect();
  return client;
}
