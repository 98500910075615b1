/// <reference types="node" />
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { OutboxBox, OutboxStore } from '../outbox/outbox-store.ts';
import { lockFile } from './lock-file.ts';

export type FileStoreOptions = {
  /** Where the files are; made where it is not there. Nobody but their owner can read them. */
  readonly folder: string;
};

/** Lines that say what is no more true, beyond which a file is written anew. */
const MOST_STALE_LINES = 200;

/** What a file's lines are made of. */
type Line =
  /** The highest number that was given. */
  | readonly ['n', number]
  /** The text of a number; null: it is removed. */
  | readonly ['t', number, string | null];

type Contents = { texts: Map<number, string>; last: number; lines: number; bytes: number };

/**
 * Keeps boxes in files, one each: appended to, and synced to the disk before anything is said to be kept. For Node.js; a box is
 * one process's at a time, and a second one is refused it (its outbox then works in memory, and says so).
 */
export function fileStore({ folder }: FileStoreOptions): OutboxStore {
  return {
    async open(name) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // Names hold addresses and ids of users: neither fits a file's name, nor belongs there.
      const path = join(folder, `${createHash('sha256').update(name).digest('hex')}.outbox`);
      const unlock = await lockFile(`${path}.lock`);
      try {
        return await openBox(folder, path, unlock);
      } catch (error) {
        unlock();
        throw error;
      }
    },
  };
}

async function openBox(folder: string, path: string, unlock: () => void): Promise<OutboxBox> {
  let file = await open(path, 'a+', 0o600);
  const found = read(await file.readFile('utf8'));
  // A line that a crash cut short was never said to be kept.
  await file.truncate(found.bytes);
  let { texts } = found;
  let { last, lines, bytes } = found;
  let work: Promise<unknown> = Promise.resolve();

  /** One behind the other; one that fails keeps none from its turn. */
  function inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = work.then(run);
    work = done.catch(() => {});
    return done;
  }

  /** Writes and syncs; what fails leaves the file as it was. */
  async function append(added: readonly Line[]): Promise<void> {
    if (added.length === 0) return;
    const text = Buffer.from(added.map((line) => `${JSON.stringify(line)}\n`).join(''));
    try {
      await file.appendFile(text);
      await file.datasync();
    } catch (error) {
      await file.truncate(bytes);
      throw error;
    }
    bytes += text.byteLength;
    lines += added.length;
  }

  /** Writes what is true into a new file, which takes the place of the old one as a whole. */
  async function rewrite(kept: Map<number, string>): Promise<void> {
    const next: Line[] = [['n', last], ...[...kept].map(([number, text]): Line => ['t', number, text])];
    const text = Buffer.from(next.map((line) => `${JSON.stringify(line)}\n`).join(''));
    // Appended to by the same handle later: were it opened again, that could fail with the old file gone.
    const fresh = await open(`${path}.new`, 'a', 0o600);
    try {
      await fresh.truncate();
      await fresh.writeFile(text);
      await fresh.sync();
      await rename(`${path}.new`, path);
    } catch (error) {
      await fresh.close();
      throw error;
    }
    const old = file;
    file = fresh;
    texts = kept;
    lines = next.length;
    bytes = text.byteLength;
    await syncFolder(folder);
    await old.close();
  }

  async function compact(): Promise<void> {
    if (lines - texts.size <= MOST_STALE_LINES + texts.size) return;
    try {
      await rewrite(texts);
    } catch {
      // The file is good as it is, and what was asked for is in it: the next change tries again.
    }
  }

  await syncFolder(folder);
  return {
    durable: true,
    all: () => inTurn(() => Promise.resolve(new Map(texts))),
    add: (added) =>
      inTurn(async () => {
        const numbers = added.map((_, at) => last + at + 1);
        await append(added.map((text, at): Line => ['t', last + at + 1, text]));
        for (const [at, text] of added.entries()) texts.set(last + at + 1, text);
        last += added.length;
        return numbers;
      }),
    edit: (number, change) =>
      inTurn(async () => {
        const before = texts.get(number);
        const after = change(before);
        if (after === before) return;
        await append([['t', number, after ?? null]]);
        if (after === undefined) texts.delete(number);
        else texts.set(number, after);
        await compact();
      }),
    erase: () => inTurn(() => rewrite(new Map())),
    close: () => inTurn(() => file.close()).finally(unlock),
  };
}

function read(text: string): Contents {
  const contents: Contents = { texts: new Map(), last: 0, lines: 0, bytes: 0 };
  const { texts } = contents;
  let from = 0;
  for (let to = text.indexOf('\n'); to !== -1; to = text.indexOf('\n', from)) {
    const line = parse(text.slice(from, to));
    if (line === null) break;
    from = to + 1;
    contents.lines++;
    contents.last = Math.max(contents.last, line[1]);
    if (line[0] === 'n') continue;
    if (line[2] === null) texts.delete(line[1]);
    else texts.set(line[1], line[2]);
  }
  contents.bytes = Buffer.byteLength(text.slice(0, from));
  return contents;
}

function parse(text: string): Line | null {
  try {
    return JSON.parse(text) as Line;
  } catch {
    // The machine died in the middle of it: nothing behind it was said to be kept.
    return null;
  }
}

/** A new file's name is on the disk only once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch {
    // Windows opens no folders; its file systems keep names by themselves.
  } finally {
    await handle?.close();
  }
}
