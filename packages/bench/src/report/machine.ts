import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { createRequire } from 'node:module';

/** On what and with what a run was made. */
export type Machine = { readonly lines: readonly string[] };

/** @param coresDescribed where the server and the load ran */
export function describeMachine(coresDescribed: string): Machine {
  const processors = cpus();
  const [load = 0] = loadavg();
  return {
    lines: [
      `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GB, ${type()} ${release()}; load average before the run ${load.toFixed(1)}`,
      `${coresDescribed}`,
      `Node ${process.version}, ${versionsOf(['socket.io', '@socket.io/redis-adapter', 'ws']).join(', ')}, ${compilerVersion()}`,
      `commit ${commit()}`,
    ],
  };
}

function versionsOf(packages: readonly string[]): string[] {
  const require = createRequire(import.meta.url);
  return packages.map((name) => {
    const manifest = JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')) as {
      version: string;
    };
    return `${name} ${manifest.version}`;
  });
}

function compilerVersion(): string {
  const [first = ''] = execFileSync(process.env['CC'] ?? 'gcc', ['--version'], { encoding: 'utf8' }).split(
    '\n',
  );
  return first;
}

function commit(): string {
  try {
    const head = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' });
    const changed = execFileSync('git', ['status', '--porcelain', '--', 'packages'], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
    return head.trim() + (changed === '' ? '' : ' and uncommitted changes');
  } catch {
    return 'unknown (not a git checkout)';
  }
}
