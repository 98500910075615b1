import { appendFile, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileStore } from '../src/node/index.ts';
import { memoryStore } from '../src/outbox/index.ts';
import { outboxStoreContract } from '../src/testing/index.ts';

const run = promisify(execFile);

describe('OutboxStore: memory', () => {
  for (const { claim, run: holds } of outboxStoreContract)
    it(claim, async () => {
      const store = memoryStore();
      await holds({ store, again: () => store });
    });
});

describe('OutboxStore: file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'carillon-outbox-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const path = async (): Promise<string> =>
    join(
      folder,
      (await readdir(folder)).find((name) => name.endsWith('.outbox'))!,
    );

  for (const { claim, run: holds } of outboxStoreContract)
    it(claim, async () => {
      const again = () => fileStore({ folder });
      await holds({ store: again(), again });
    });

  it('a line that a crash cut short, and what is behind it, is as if it had never been', async () => {
    const box = await fileStore({ folder }).open('n');
    await box.add(['a']);
    await appendFile(await path(), '["t",2,"b');
    const { stdout } = await run(process.execPath, [
      '--conditions=carillon-source',
      '--input-type=module',
      '-e',
      // Its owner is dead: this process is another, and the lock is taken out of its way.
      `import { rmSync } from 'node:fs'; rmSync(${JSON.stringify(`${await path()}.lock`)});
       const { fileStore } = await import(${JSON.stringify(new URL('../src/node/index.ts', import.meta.url).href)});
       const box = await fileStore({ folder: ${JSON.stringify(folder)} }).open('n');
       const numbers = await box.add(['c']);
       console.log(JSON.stringify([numbers, [...await box.all()]]));`,
    ]);
    expect(JSON.parse(stdout)).toEqual([
      [2],
      [
        [1, 'a'],
        [2, 'c'],
      ],
    ]);
    await box.close();
  });

  it('a process that was killed leaves what it was told is kept, and its lock to nobody', async () => {
    const killed = run(process.execPath, [
      '--conditions=carillon-source',
      '--input-type=module',
      '-e',
      `const { fileStore } = await import(${JSON.stringify(new URL('../src/node/index.ts', import.meta.url).href)});
       const box = await fileStore({ folder: ${JSON.stringify(folder)} }).open('n');
       await box.add(['a', 'b']);
       process.kill(process.pid, 'SIGKILL');`,
    ]);
    await expect(killed).rejects.toMatchObject({ signal: 'SIGKILL' });
    expect(await readdir(folder)).toHaveLength(2);
    const box = await fileStore({ folder }).open('n');
    expect([...(await box.all())]).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
    await box.close();
  });

  it("a lock that names a process which has nothing but its number in common with the owner is nobody's", async () => {
    const box = await fileStore({ folder }).open('n');
    await box.add(['a']);
    const lock = `${await path()}.lock`;
    const [, began] = (await readFile(lock, 'utf8')).split(' ');
    expect(began, 'when the process began').toMatch(/^\d+$/);
    await box.close();
    // Numbers are given again: in a container soon, and to the process that asks too.
    for (const pid of [process.ppid, process.pid]) {
      await writeFile(lock, `${pid} 1`);
      const again = await fileStore({ folder }).open('n');
      expect([...(await again.all()).values()]).toEqual(['a']);
      await again.close();
    }
  });

  it("is not two threads' of one process either", async () => {
    const { stdout } = await run(process.execPath, [
      '--conditions=carillon-source',
      '--input-type=module',
      '-e',
      `import { Worker } from 'node:worker_threads';
       const source = ${JSON.stringify(new URL('../src/node/index.ts', import.meta.url).href)};
       const folder = ${JSON.stringify(folder)};
       const open = async (source, folder) => {
         const { fileStore } = await import(source);
         await fileStore({ folder }).open('n');
         return 'opened';
       };
       await open(source, folder);
       const said = \`(\${open})(...\${JSON.stringify([source, folder])}).catch(String)\`;
       const tell = 'then(async (said) => (await import("node:worker_threads")).parentPort.postMessage(said))';
       new Worker(\`\${said}.\${tell}\`, { eval: true }).on('message', (said) => console.log(said));`,
    ]);
    expect(stdout).toContain('has it');
  });

  it('is one owner at a time, and tells nobody whose it is', async () => {
    const box = await fileStore({ folder }).open('["wss://x","alice"]');
    await expect(fileStore({ folder }).open('["wss://x","alice"]')).rejects.toThrow('has it already');
    expect((await readdir(folder)).join()).not.toContain('alice');
    expect((await stat(await path())).mode & 0o077).toBe(0);
    await box.close();
  });

  it('is written anew when most of it is history, and keeps no text that was erased', async () => {
    const box = await fileStore({ folder }).open('n');
    await box.add(['secret', 'x']);
    for (let n = 0; n < 300; n++) await box.edit(2, () => `text ${n}`);
    expect((await readFile(await path(), 'utf8')).split('\n').length).toBeLessThan(250);
    await box.erase();
    expect(await readFile(await path(), 'utf8')).toBe('["n",2]\n');
    await box.close();
  });

  it('where it cannot be written anew it goes on as it is, and is written anew when it can be', async () => {
    const box = await fileStore({ folder }).open('n');
    await box.add(['a', 'b']);
    const file = await path();
    await mkdir(`${file}.new`);
    for (let n = 0; n < 250; n++) await box.edit(2, () => `text ${n}`);
    expect((await readFile(file, 'utf8')).split('\n').length).toBeGreaterThan(250);
    await rm(`${file}.new`, { recursive: true });
    await box.edit(1, () => 'z');
    await box.add(['c']);
    const kept = [
      [1, 'z'],
      [2, 'text 249'],
      [3, 'c'],
    ];
    expect([...(await box.all())]).toEqual(kept);
    expect((await readFile(file, 'utf8')).split('\n').length).toBeLessThan(10);
    await box.close();
    const again = await fileStore({ folder }).open('n');
    expect([...(await again.all())]).toEqual(kept);
    await again.close();
  });

  it('a disk that is full refuses one text, loses nothing that was there, and takes the next that fits', async () => {
    const { stdout } = await run('bash', [
      '-c',
      // Files of at most 2 blocks of 1,024 bytes.
      'ulimit -f 2; exec "$0" "$@"',
      process.execPath,
      '--conditions=carillon-source',
      '--input-type=module',
      '-e',
      `const { fileStore } = await import(${JSON.stringify(new URL('../src/node/index.ts', import.meta.url).href)});
       const open = () => fileStore({ folder: ${JSON.stringify(folder)} }).open('n');
       const box = await open();
       await box.add(['a']);
       const refused = await box.add(['x'.repeat(4000)]).catch((error) => error.code);
       const numbers = await box.add(['b']);
       console.log(JSON.stringify([refused, numbers, [...await box.all()]]));`,
    ]);
    expect(JSON.parse(stdout)).toEqual([
      'EFBIG',
      [2],
      [
        [1, 'a'],
        [2, 'b'],
      ],
    ]);
    expect(await readFile(await path(), 'utf8')).toBe('["t",1,"a"]\n["t",2,"b"]\n');
  });
});
