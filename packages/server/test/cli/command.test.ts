import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { readArguments } from '../../src/cli/command.ts';

const OPTIONS = {
  from: { type: 'string' },
  user: { type: 'string', short: 'u' },
  help: { type: 'boolean' },
} as const;

let said: string[];

beforeEach(() => {
  said = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said.push(String(text));
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

it('a value may begin with a dash: epochs are random, and users name themselves', () => {
  const read = readArguments(['chat:a', '--from', '-x3Zk:4', '--user', '-bob', '--help'], OPTIONS);
  expect(read?.positionals).toEqual(['chat:a']);
  expect({ ...read?.values }).toEqual({ from: '-x3Zk:4', user: '-bob', help: true });
  expect(readArguments(['--from', '--3Zk_A:4'], OPTIONS)?.values.from).toBe('--3Zk_A:4');
  expect(readArguments(['--', '--from', '-x'], OPTIONS)?.positionals).toEqual(['--from', '-x']);
});

it('an option whose value was forgotten is said to have none, also before a short or a misspelt one', () => {
  for (const next of ['--user', '--user=bob', '-u', '--hlep', '--'])
    expect(readArguments(['--from', next, 'bob'], OPTIONS), next).toBeNull();
  expect(readArguments(['--from'], OPTIONS)).toBeNull();
  expect(said).toHaveLength(6);
  for (const line of said) expect(line).toMatch(/^carillon: Option '--from.*--help lists the options\n$/);
});
