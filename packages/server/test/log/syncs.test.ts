import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPublishers } from './published.ts';
import { compileShim } from './shim.ts';

/** What the process did, in the order in which it did it. */
type Event =
  | { readonly kind: 'write'; readonly file: string; readonly numbers: readonly number[] }
  | { readonly kind: 'sync' | 'synced'; readonly file: string }
  | { readonly kind: 'acknowledged'; readonly number: number };

function parse(line: string): Event {
  const [mark, first = '', ...rest] = line.split(' ');
  switch (mark) {
    case 'W':
      return { kind: 'write', file: first, numbers: rest.map(Number) };
    case 's':
      return { kind: 'sync', file: first };
    case 'S':
      return { kind: 'synced', file: first };
    case 'A':
      return { kind: 'acknowledged', number: Number(first) };
    default:
      throw new Error(`not a line of the trace: ${line}`);
  }
}

// LD_PRELOAD and /proc are Linux's; elsewhere nothing can be put in front of the system's calls.
describe.runIf(process.platform === 'linux')('syncs of the log, counted', () => {
  let folder: string;
  let shim: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'carillon-syncs-'));
    shim = compileShim(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function traceOf(publishers: number, each: number): Promise<Event[]> {
    const trace = join(folder, `trace-${publishers}`);
    const { acknowledged } = await runPublishers({
      path: join(folder, `log-${publishers}.sqlite`),
      life: 1,
      publishers,
      each,
      killAfter: null,
      env: { LD_PRELOAD: shim, SHIM_TRACE: trace },
    });
    expect(acknowledged.size).toBe(publishers * each);
    return readFileSync(trace, 'utf8').trimEnd().split('\n').map(parse);
  }

  /** For each acknowledged publication: whether a sync of the file began behind its write and ended before. */
  function unsynced(events: readonly Event[]): number[] {
    const writtenAt = new Map<number, { readonly file: string; readonly index: number }>();
    const syncs = new Map<string, { beganAt: number; coversUpTo: number }>();
    const early: number[] = [];
    for (const [index, event] of events.entries()) {
      if (event.kind === 'write') {
        for (const number of event.numbers)
          if (!writtenAt.has(number)) writtenAt.set(number, { file: event.file, index });
      } else if (event.kind === 'acknowledged') {
        const written = writtenAt.get(event.number);
        const covered = written === undefined ? -1 : (syncs.get(written.file)?.coversUpTo ?? -1);
        if (written === undefined || covered < written.index) early.push(event.number);
      } else {
        const sync = syncs.get(event.file) ?? { beganAt: -1, coversUpTo: -1 };
        syncs.set(event.file, sync);
        if (event.kind === 'sync') sync.beganAt = index;
        else sync.coversUpTo = sync.beganAt;
      }
    }
    return early;
  }

  const syncsOf = (events: readonly Event[]) => {
    const first = events.findIndex(({ kind }) => kind === 'acknowledged');
    const from = events.slice(first);
    return from.filter((event) => event.kind === 'synced' && event.file.endsWith('-wal')).length;
  };

  it('[PUB1] each publication was synced to the disk between being written and being acknowledged', async () => {
    const alone = await traceOf(1, 40);
    expect(unsynced(alone)).toEqual([]);
    // One at a time nothing can be shared.
    expect(syncsOf(alone)).toBeGreaterThanOrEqual(39);

    const events = await traceOf(200, 25);
    expect(unsynced(events)).toEqual([]);
    const syncs = syncsOf(events);
    expect(syncs).toBeGreaterThan(0);
    // Those that wait together share a sync. Each turn of all 200 is one or a few.
    expect(syncs * 10, `${syncs} syncs for 5,000 appends`).toBeLessThan(5_000);
  }, 60_000);
});
