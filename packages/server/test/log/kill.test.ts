import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SqliteLog } from '../../src/adapters/sql/log.ts';
import type { Publication } from '../../src/ports/log.ts';
import { PLENTY, T0, appendOf } from '../../src/testing/log-subject.ts';
import { CHANNELS, type Said, channelOf, runPublishers } from './published.ts';
import { temporaryLog } from './subjects.ts';

const PUBLISHERS = 200;
const RETENTION = { ...PLENTY, count: 1_000_000, units: 1e9 };

/** Everything that is in a channel, which must have no gap. */
async function allOf(log: SqliteLog, channel: string): Promise<readonly Publication[]> {
  const { epoch } = await log.top(channel);
  const read = await log.read(channel, { epoch, offset: 0 }, RETENTION, T0);
  if (!read.ok) throw new Error(read.why);
  expect(read.publications.map(({ offset }) => offset)).toEqual(read.publications.map((_, i) => i + 1));
  expect(read.publications).toHaveLength(read.top.offset);
  return read.publications;
}

const idOf = ({ data }: Publication) => (JSON.parse(data ?? '') as { id: string }).id;

async function idsOf(log: SqliteLog): Promise<Map<string, string[]>> {
  const ids = new Map<string, string[]>();
  for (let n = 0; n < CHANNELS; n++) ids.set(channelOf(n), (await allOf(log, channelOf(n))).map(idOf));
  return ids;
}

/** Publishes what nobody knows about once more, as its publisher would. */
async function retry(log: SqliteLog, id: string): Promise<void> {
  const publisher = Number(id.slice(id.indexOf('/') + 1)) % 1_000;
  await log.append(
    appendOf({
      channel: channelOf(publisher % CHANNELS),
      data: JSON.stringify({ id }),
      once: { scope: `p${publisher}`, id, print: id },
    }),
  );
}

describe(`${PUBLISHERS} publishers, killed with SIGKILL in the middle of appending`, () => {
  it('[PUB1] nothing that was acknowledged as stored is missing, nothing is there twice, also when it is sent again', async () => {
    const file = await temporaryLog();
    try {
      const lives: Said[] = [];
      let inFlightInAll = 0;
      // Each pair of lives: the second takes the file as the first left it, and then the test does.
      for (const [life, killAfter] of [1, 500, 2_000, 6_000].entries()) {
        const said = await runPublishers({
          path: file.path,
          life,
          publishers: PUBLISHERS,
          each: 0,
          killAfter,
        });
        lives.push(said);
        expect(said.acknowledged.size).toBeGreaterThanOrEqual(killAfter);
        const inFlight = said.issued.filter((id) => !said.acknowledged.has(id));
        expect(inFlight.length, 'appends in flight when it was killed').toBeGreaterThan(0);
        inFlightInAll += inFlight.length;
        if (life % 2 === 0) continue;

        const log = await file.open();
        const before = await idsOf(log);
        for (const { acknowledged } of lives) {
          for (const [id, { channel, epoch, offset }] of acknowledged) {
            expect(before.get(channel)?.[offset - 1], `${id} was acknowledged`).toBe(id);
            // Stored history recovers: whoever was given a position goes on from it.
            expect((await log.top(channel)).epoch, 'the epoch outlives a kill').toBe(epoch);
          }
        }
        const issued = lives.flatMap((each) => each.issued);
        const unknown = lives.flatMap((each) => each.issued.filter((id) => !each.acknowledged.has(id)));
        for (const id of [...unknown, ...unknown]) await retry(log, id);
        const after = [...(await idsOf(log)).values()].flat();
        expect(after.toSorted()).toEqual(issued.toSorted());
        await log.close();
      }
      expect(inFlightInAll, 'appends in flight at all four kills').toBeGreaterThan(PUBLISHERS);
    } finally {
      await file.remove();
    }
  }, 120_000);

  it('an older copy of the file, put back after a kill, is found out: positions that it lacks are told as over', async () => {
    const file = await temporaryLog();
    const copy = join(file.folder, 'copy');
    const live = (life: number) =>
      runPublishers({ path: file.path, life, publishers: PUBLISHERS, each: 0, killAfter: 1_000 });
    try {
      await live(0);
      for (const end of ['', '-wal']) await copyFile(`${file.path}${end}`, `${copy}${end}`);
      const { acknowledged } = await live(1);
      for (const end of ['', '-wal']) await copyFile(`${copy}${end}`, `${file.path}${end}`);
      const renewed: string[] = [];
      const log = await file.open({ onRenewed: (reason) => renewed.push(reason) });
      expect(renewed).toEqual([expect.stringMatching(/^it lacks the last \d+ transactions$/)]);
      for (const { channel, epoch, offset } of acknowledged.values())
        expect(await log.read(channel, { epoch, offset }, RETENTION, T0)).toMatchObject({ why: 'epoch' });
      await log.close();
    } finally {
      await file.remove();
    }
  }, 60_000);
});
