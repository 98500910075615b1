import { describe, expect, it } from 'vitest';
import { numberIn, startLineProcess } from '../src/processes/line-process.ts';

const run = (program: string) => startLineProcess([process.execPath, '-e', program]);

describe('a program that speaks in lines', () => {
  it('is understood, asked and ended', async () => {
    const child = run(
      `console.log('{"event":"a","n":1}'); process.stdin.on('data', (line) => console.log(JSON.stringify({ event: 'b', line: String(line) })));`,
    );
    expect(numberIn(await child.next(({ event }) => event === 'a'), 'n')).toBe(1);
    child.tell('go');
    expect(await child.next(({ event }) => event === 'b')).toEqual({ event: 'b', line: 'go\n' });
    await child.end('SIGKILL');
  });

  it('that fails takes down whoever waits for it, with its last words', async () => {
    const child = run(`console.error('out of luck'); process.exitCode = 3`);
    await expect(child.next(() => true)).rejects.toThrow(/ended with code 3[^]*out of luck/);
    await expect(child.next(() => true)).rejects.toThrow(/out of luck/);
  });
});
