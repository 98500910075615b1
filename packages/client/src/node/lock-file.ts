/// <reference types="node" />
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/** The locks that this thread holds, where the system does not tell when a process began. */
const held = new Set<string>();

/**
 * Makes a file that says which process has what it stands for: by its number, and by when it began. Numbers are given again, in
 * containers most of all, where the process before often had the same.
 *
 * @returns gives it up. Rejects where another process that lives has it, or another thread of this one
 */
export async function lockFile(path: string): Promise<() => void> {
  if (held.has(path)) throw new Error(`${path}: this process has it already`);
  const own = `${process.pid} ${beganOf(process.pid)}`;
  try {
    writeFileSync(path, own, { flag: 'wx', mode: 0o600 });
  } catch {
    const [owner = '', began = ''] = readFileSync(path, 'utf8').split(' ');
    if (lives(Number(owner), began)) throw new Error(`${path}: process ${owner} has it`);
    // Left behind by one that was killed.
    writeFileSync(path, own, { mode: 0o600 });
  }
  held.add(path);
  return () => {
    held.delete(path);
    rmSync(path, { force: true });
  };
}

function lives(pid: number, began: string): boolean {
  if (!isAlive(pid)) return false;
  const now = beganOf(pid);
  if (now !== '' && began !== '') return now === began;
  // Nobody can tell: its own number it has from one before it, for what it holds itself is known.
  return pid !== process.pid;
}

/** When a process began, in ticks since the machine did (proc(5), field 22); empty where there is no /proc. */
function beganOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before it may hold anything, brackets and spaces too.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    // Signal 0 asks, and does nothing (kill(2)).
    return Number.isInteger(pid) && pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as { readonly code?: string }).code === 'EPERM';
  }
}
