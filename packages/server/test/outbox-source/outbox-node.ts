/**
 * A node that reads an outbox, as a process of its own, for tests that kill it or stop it. Applies events as a log does: each once, known by its id, those of a
 * key one behind the other, into the table `applied`, whose numbers say in which order. Run with the URL, `takeMs`, and after how many
 * events it finishes none any more.
 * Says `+ ID` when it is brought an event, and `= ID` when it is applied.
 */
import pg from 'pg';
import { createNodeClock } from '../../src/adapters/node/clock.ts';
import { createOutboxSource } from '../../src/adapters/sql/postgres/outbox-source.ts';

const [, , url = '', takeMs = '10000', finishes = 'Infinity'] = process.argv;
let left = Number(finishes);
const pool = new pg.Pool({ connectionString: url, max: 4 });
const last = new Map<string | null, Promise<void>>();

const source = createOutboxSource({
  url,
  takeMs: Number(takeMs),
  pollMs: 100,
  clock: createNodeClock(),
  secrets: { fraction: Math.random },
  telemetry: { warn: () => undefined, feedEvent: () => undefined },
});

await source.start({
  async take({ id, key }) {
    process.stdout.write(`+ ${id}\n`);
    if (left-- <= 0) return new Promise(() => undefined);
    const mine = (last.get(key) ?? Promise.resolve()).then(async () => {
      await pool.query('INSERT INTO applied (event_id, key) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
        id,
        key,
      ]);
    });
    last.set(key, mine);
    await mine;
    process.stdout.write(`= ${id}\n`);
    return { result: 'applied', duplicate: false };
  },
});
