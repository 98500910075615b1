import { fileURLToPath } from 'node:url';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../servers/postgres-server.ts';
import { startLoad } from './backend-load.ts';
import { type Outbox, createOutbox, insert } from './outbox-under-test.ts';

const PROGRAM = fileURLToPath(new URL('outbox-node.ts', import.meta.url));

let server: PostgresServer;
let outbox: Outbox;
const nodes: Node[] = [];
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  outbox = await createOutbox(server);
  await outbox.app.query(
    'CREATE TABLE applied (n bigint GENERATED ALWAYS AS IDENTITY, event_id text PRIMARY KEY, key text)',
  );
});
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.kill();
  await outbox.close();
});

type Node = {
  readonly child: ChildProcess;
  /** Events that it did not say to have applied. */
  unfinished(): readonly string[];
  /** Resolves when it was brought so many in all. */
  brought(count: number): Promise<void>;
  kill(): Promise<void>;
};

/** @param finishes how many events it applies, before it holds whatever it is brought */
function startNode({ takeMs = 10_000, finishes = Infinity } = {}): Node {
  const child = spawn(
    process.execPath,
    ['--conditions=carillon-source', PROGRAM, outbox.url, String(takeMs), String(finishes)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exited = once(child, 'exit');
  const begun = new Set<string>();
  let brought = 0;
  const waiting: { readonly at: number; readonly resolve: () => void }[] = [];
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => {
    // A line that the kill cuts off says nothing.
    const [, sign, id] = /^([+=]) (\S+)$/.exec(line) ?? [];
    if (sign === '=') begun.delete(id!);
    if (sign !== '+') return;
    begun.add(id!);
    brought++;
    for (const { at, resolve } of waiting) if (brought >= at) resolve();
  });
  const ended = once(lines, 'close');
  const node: Node = {
    child,
    unfinished: () => [...begun],
    brought: (count) =>
      brought >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ at: count, resolve })),
    async kill() {
      child.kill('SIGKILL');
      await Promise.all([exited, ended]);
    },
  };
  nodes.push(node);
  return node;
}

async function appliedOf(key: string): Promise<readonly string[]> {
  const { rows } = await outbox.app.query<{ event_id: string }>(
    'SELECT event_id FROM applied WHERE key = $1 ORDER BY n',
    [key],
  );
  return rows.map(({ event_id }) => event_id);
}

const numbered = (key: string, last: number): readonly string[] =>
  Array.from({ length: last }, (_, n) => `${key}-${n + 1}`);

describe('several nodes share an outbox', () => {
  it('three of them, two killed with rows in flight: each event is applied, in the order of its key', async () => {
    const [first, second, third] = [
      startNode({ finishes: 300 }),
      startNode({ finishes: 300 }),
      startNode(),
    ] as const;
    const load = await startLoad(outbox.url, { writers: 2, keys: 20 });
    for (const node of [first, second]) {
      await node.brought(301);
      await node.kill();
      expect(node.unfinished().length, 'in flight when it was killed').toBeGreaterThan(0);
    }
    await third.brought(300);
    const written = await load.stop();
    await outbox.rows('waiting', 0);
    expect(written.size).toBe(40);
    for (const [key, last] of written) expect(await appliedOf(key), key).toEqual(numbered(key, last));
  }, 60_000);

  it('one that hangs in the middle loses its rows to another; when it goes on, nothing is out of order', async () => {
    // Its round would last as long as that; Postgres waits five seconds longer for it.
    const hangs = startNode({ takeMs: 100 });
    await insert(outbox.app, { key: 'alice', count: 200 });
    await hangs.brought(1);
    hangs.child.kill('SIGSTOP');
    await insert(outbox.app, { key: 'alice', first: 201, count: 50 });
    const { rows } = await outbox.app.query('SELECT FROM carillon_outbox');
    expect(rows.length, 'rows that it had, or that came since').toBeGreaterThan(50);
    startNode();
    await outbox.rows('waiting', 0);
    hangs.child.kill('SIGCONT');
    await insert(outbox.app, { key: 'alice', first: 251 });
    await outbox.rows('waiting', 0);
    expect(await appliedOf('alice')).toEqual(numbered('alice', 251));
  }, 60_000);
});
