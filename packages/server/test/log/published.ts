import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

/** Channels that the publishers share. */
export const CHANNELS = 10;

export function channelOf(n: number): string {
  return `room:${n}`;
}

export type Acknowledged = { readonly channel: string; readonly epoch: string; readonly offset: number };

/** What one life of the publishers said. */
export type Said = {
  readonly issued: readonly string[];
  readonly acknowledged: ReadonlyMap<string, Acknowledged>;
};

export type Life = {
  readonly path: string;
  readonly life: number;
  readonly publishers: number;
  /** Publications of each; 0: until it is killed. */
  readonly each: number;
  /** It is killed without warning once so many have been acknowledged. */
  readonly killAfter: number | null;
  readonly env?: NodeJS.ProcessEnv;
  /** The publishers' program; unless given, that over SQLite. */
  readonly program?: string;
};

const PROGRAM = fileURLToPath(new URL('publishers.ts', import.meta.url));

/** Runs the publishers' process to its end, or kills it. */
export async function runPublishers({
  path,
  life,
  publishers,
  each,
  killAfter,
  env,
  program = PROGRAM,
}: Life): Promise<Said> {
  const child = spawn(
    process.execPath,
    ['--conditions=carillon-source', program, path, String(life), String(publishers), String(each)],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } },
  );
  let stdout = '';
  let stderr = '';
  let count = 0;
  let cut = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    // Whole lines only: one that the kill cuts off is not counted below either.
    const lines = (cut + text).split('\n');
    cut = lines.pop() ?? '';
    count += lines.filter((line) => line.startsWith('=')).length;
    if (killAfter !== null && count >= killAfter) child.kill('SIGKILL');
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  expect({ code, signal, stderr }).toEqual(
    killAfter === null
      ? { code: 0, signal: null, stderr: '' }
      : { code: null, signal: 'SIGKILL', stderr: '' },
  );
  // The last line may have been cut off by the kill.
  const lines = stdout.split('\n').slice(0, -1);
  const acknowledged = new Map<string, Acknowledged>();
  for (const line of lines) {
    const [mark, id = '', channel = '', epoch = '', offset = ''] = line.split(' ');
    if (mark === '=') acknowledged.set(id, { channel, epoch, offset: Number(offset) });
  }
  return { issued: lines.filter((line) => line.startsWith('+')).map((line) => line.slice(2)), acknowledged };
}
