import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import BetterSqlite3 from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { compileShim } from '../log/shim.ts';
import { temporaryLog } from '../log/subjects.ts';
import { edit, isWhole } from './editing.ts';

const program = (url: URL): string[] => ['--conditions=carillon-source', fileURLToPath(url)];
const EDITOR = program(new URL('editor.ts', import.meta.url));
const FAILING_DISK = program(new URL('failing-disk.ts', import.meta.url));

/** Edits until so many snapshots were acknowledged, and is killed in the middle of what it does then. */
async function killedEditor(path: string, snapshots: number): Promise<number> {
  const child = spawn(process.execPath, [...EDITOR, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (said.split('\n').length > snapshots) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return Number(said.trimEnd().split('\n').at(-1));
}

it('killed between a put and its trim, or in the middle of either: the snapshot is whole, and the log begins with it', async () => {
  const file = await temporaryLog();
  try {
    for (const snapshots of [1, 3, 6]) {
      const acknowledged = await killedEditor(file.path, snapshots);
      const log = await file.open();
      await isWhole(log, log.documents, acknowledged);
      await edit(log, log.documents, 1, () => undefined);
      await isWhole(log, log.documents, acknowledged + 20);
      await log.close();
    }
    // Nothing is left of what was replaced.
    const database = new BetterSqlite3(file.path, { readonly: true });
    expect(database.prepare('SELECT count(*) AS states FROM document_states').get()).toEqual({ states: 1 });
    expect(database.prepare('SELECT count(DISTINCT state) AS states FROM document_parts').get()).toEqual({
      states: 1,
    });
    database.close();
  } finally {
    await file.remove();
  }
}, 60_000);

// LD_PRELOAD is Linux's; elsewhere nothing can be put in front of the system's calls.
describe.runIf(process.platform === 'linux')('documents on a disk that fails', () => {
  it.each([
    ['has no room', 'w'],
    ['fails to sync', 's'],
  ])(
    'that %s: changes are refused, the snapshot before stays and is read, and it recovers by itself',
    async (_, how) => {
      const file = await temporaryLog();
      try {
        const fault = join(file.folder, 'fault');
        const env = { ...process.env, LD_PRELOAD: compileShim(file.folder), SHIM_FAULT: fault };
        const child = spawn(process.execPath, [...FAILING_DISK, file.path, fault, how], {
          stdio: ['ignore', 'pipe', 'inherit'],
          env,
        });
        let said = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
        await once(child, 'close');
        expect(JSON.parse(said)).toEqual({
          before: true,
          during: ['unavailable', 'unavailable', 'unavailable', 'unavailable'],
          keptDuring: '1, whole',
          after: [true, 'done'],
          keptAfter: '3, whole',
          closed: ['unavailable', 'unavailable', 'unavailable'],
        });
      } finally {
        await file.remove();
      }
    },
    60_000,
  );
});
