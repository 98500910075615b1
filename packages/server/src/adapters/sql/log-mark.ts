import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/**
 * A small file beside the log, by which the next process knows that the file it opens is the one that was last written to,
 * and not an older copy of it. docs/decisions/0012-the-log.md says what it shows and what it cannot.
 */
export type Mark = {
  readonly era: string;
  /** Transactions that were acknowledged, at least. */
  readonly commits: number;
  /** Whether the process closed the log. */
  readonly closed: boolean;
  /** The mark's own inode, and when that was made: a copy of a mark has others. '' where the file system cannot say. */
  readonly inode: string;
  readonly born: string;
  /** The machine's start: after another one, a mark that was not closed may lag behind. */
  readonly boot: string;
};

/** The mark of an open log. Synchronous, for it is used by the log's own thread. */
export type OpenMark = {
  /** Notes that so many transactions will be acknowledged. It need not reach the disk: the process's end does not lose it. */
  note(commits: number): void;
  close(commits: number): void;
};

/** A mark is made anew after so long, so that a copy of it is told from it however it was put back. */
const MADE_ANEW_MS = 1_000;

/** Digits of the count, which is written over in place. */
const COUNT_DIGITS = 16;

export function markPathOf(path: string): string {
  return `${path}-mark`;
}

/**
 * Why it is not shown that the log is the one that was last written to.
 *
 * @returns null where it is shown
 */
export function doubtAbout(path: string, era: string, commits: number): string | null {
  const markPath = markPathOf(path);
  let mark: Mark | null;
  try {
    mark = parseMark(readFileSync(markPath, 'utf8'));
  } catch (error) {
    return `its mark ${markPath} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (mark === null) return `its mark ${markPath} is damaged`;
  if (mark.era !== era) return 'its mark is that of another log';
  if (mark.commits > commits) return `it lacks the last ${mark.commits - commits} transactions`;
  const { inode, born } = identityOf(markPath);
  if (mark.inode !== inode || (mark.born !== '' && mark.born !== born)) return 'its mark is a copy';
  if (!mark.closed && mark.boot !== currentBoot()) return 'the machine was started anew while it was open';
  return null;
}

/**
 * Begins to mark a log that is open. Where the file cannot be written there is no mark, and the next start begins a new era.
 *
 * @param nowMs a clock that never steps back
 */
export function openMark(path: string, era: string, commits: number, nowMs: () => number): OpenMark {
  const boot = currentBoot();
  let file: number | null = null;
  let madeAtMs = -Infinity;

  function make(count: number, closed: boolean, durable: boolean): void {
    const before = file;
    file = writeNew(path, { era, commits: count, closed, boot }, durable);
    if (before !== null) closeSync(before);
  }

  /** Nothing is lost with it but the proof. One that lags behind must not stay, for it would prove too much. */
  function remove(): void {
    if (file !== null) closeSync(file);
    file = null;
    try {
      rmSync(markPathOf(path), { force: true });
    } catch {
      // A folder in which nothing can be removed: then nothing could be committed either.
    }
  }

  function overwrite(count: number): void {
    if (file === null) return;
    try {
      writeSync(file, countText(count), 0);
    } catch {
      remove();
    }
  }

  function tryMake(count: number, closed: boolean, durable: boolean): void {
    madeAtMs = nowMs();
    try {
      make(count, closed, durable);
    } catch {
      // A disk that has no room for a new file: the one that is there is written over, and says as much as is needed.
      if (!isInPlace(path, file)) remove();
    }
  }

  // To the disk: after a power failure the mark of an earlier life that was closed must not come back.
  tryMake(commits, false, true);

  return {
    note(count) {
      overwrite(count);
      if (nowMs() - madeAtMs >= MADE_ANEW_MS) tryMake(count, false, false);
    },
    close(count) {
      overwrite(count);
      tryMake(count, true, true);
      if (file !== null) closeSync(file);
      file = null;
    },
  };
}

function isInPlace(path: string, file: number | null): boolean {
  try {
    return file !== null && identityOf(file).inode === identityOf(markPathOf(path)).inode;
  } catch {
    return false; // None is there.
  }
}

/** Writes a new file in the mark's place. Returns it, open. */
function writeNew(path: string, mark: Omit<Mark, 'inode' | 'born'>, durable: boolean): number {
  const next = `${markPathOf(path)}-new`;
  // Removed first: written over it would keep its inode, and a copy of the mark might fit.
  rmSync(next, { force: true });
  const file = openSync(next, 'wx', 0o600);
  try {
    const { inode, born } = identityOf(file);
    writeSync(file, textOf({ ...mark, inode, born }), 0);
    renameSync(next, markPathOf(path));
    // Some file systems know no birth, and give the time of the last change for it.
    if (identityOf(file).born !== born) writeSync(file, textOf({ ...mark, inode, born: '' }), 0);
    if (durable) {
      fsyncSync(file);
      syncFolder(dirname(path));
    }
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function syncFolder(folder: string): void {
  if (process.platform === 'win32') return; // A folder cannot be opened there, and need not be.
  const opened = openSync(folder, 'r');
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

function identityOf(file: number | string): Pick<Mark, 'inode' | 'born'> {
  const stat =
    typeof file === 'number' ? fstatSync(file, { bigint: true }) : statSync(file, { bigint: true });
  return { inode: String(stat.ino), born: String(stat.birthtimeNs) };
}

/** Linux says which start of the machine this is; elsewhere every start is taken for the same. */
function currentBoot(): string {
  if (process.platform !== 'linux') return '';
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return ''; // Without /proc: as elsewhere.
  }
}

function countText(commits: number): string {
  return String(commits).padStart(COUNT_DIGITS, '0');
}

function textOf({ commits, ...rest }: Mark): string {
  return `${countText(commits)}\n${JSON.stringify(rest)}\n`.padEnd(512);
}

function parseMark(text: string): Mark | null {
  const commits = Number(text.slice(0, COUNT_DIGITS));
  if (!/^\d{16}\n\{/.test(text)) return null;
  let rest: unknown;
  try {
    rest = JSON.parse(text.slice(COUNT_DIGITS));
  } catch {
    return null;
  }
  const { era, closed, inode, born, boot } = rest as Record<string, unknown>;
  if (typeof era !== 'string' || typeof closed !== 'boolean' || typeof boot !== 'string') return null;
  if (typeof inode !== 'string' || typeof born !== 'string') return null;
  return { era, commits, closed, inode, born, boot };
}
