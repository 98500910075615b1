import { vi } from 'vitest';
import type { Command } from '../../src/cli/command.ts';

/** Runs a command in this process: what it does before it needs one of its own. */
export async function runHere(
  command: Command,
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const texts = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      texts[name] += String(chunk);
      return true;
    }),
  );
  try {
    return { code: await command.run(args), ...texts };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
