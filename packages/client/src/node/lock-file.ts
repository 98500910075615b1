/// <reference types="node" />
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/** The locks that this process holds: a file with its own process id in it may be that of one before it, in a container. */
const held = new Set<string>();

/**
 * Makes a file that says which process has what it stands for.
 *
 * @returns gives it up. Rejects where another process that lives has it
 */
export async function lockFile(path: string): Promise<() => void> {
  if (held.has(path)) throw new Error(`${path}: this process has it already`);
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx', mode: 0o600 });
  } catch {
    const owner = Number(readFileSync(path, 'utf8'));
    if (owner !== process.pid && isAlive(owner)) throw new Error(`${path}: process ${owner} has it`);
    // Left behind by one that was killed.
    writeFileSync(path, String(process.pid), { mode: 0o600 });
  }
  held.add(path);
  return () => {
    held.delete(path);
    rmSync(path, { force: true });
  };
}

function isAlive(pid: number): boolean {
  try {
    // Signal 0 asks, and does nothing (kill(2)).
    return Number.isInteger(pid) && pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as { readonly code?: string }).code === 'EPERM';
  }
}
