import { expect, it } from 'vitest';
import { runSeed } from '../src/run.ts';

it('one seed gives one run, to the microsecond and the byte', async () => {
  const record = async (): Promise<readonly string[]> => {
    const lines: string[] = [];
    await runSeed('7', {
      onWire: (line, direction, text, atMs) => lines.push(`${atMs} #${line.id} ${direction} ${text}`),
      onNote: (text, atMs) => lines.push(`${atMs} ${text}`),
    });
    return lines;
  };
  const first = await record();
  expect(first.length).toBeGreaterThan(500);
  expect(await record()).toEqual(first);
});
