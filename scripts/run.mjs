// Runs one of the repository's commands: `node scripts/run.mjs <command> [arguments]`, as package.json does.
// It needs nothing installed but Node 20 or newer and npm: it brings the Node the project wants, then the packages,
// then starts the command's program under that Node. Whatever it has to say goes to stderr, so that
// `npm run -s carillon -- token …` prints a token and nothing else.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { commands } from './set-up/commands.mjs';
import { runProgram } from './set-up/child.mjs';
import { ensureNode } from './set-up/node-version.mjs';
import { ensurePackages } from './set-up/npm-packages.mjs';
import { fail, root, SetUpError } from './set-up/report.mjs';
import { withLock } from './set-up/lock.mjs';

/** The source condition makes packages resolve to each other's TypeScript; Node 22 still warns about stripping types. */
const nodeOptions = ['--conditions=carillon-source', '--disable-warning=ExperimentalWarning'];

async function main() {
  const [name = '', ...args] = process.argv.slice(2);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) fail(`unknown command "${name}"; there are ${Object.keys(commands).join(', ')}`);

  const node = await withLock(async () => {
    const found = await ensureNode();
    await ensurePackages(found);
    return found;
  });
  const env = { ...node.env, ...(await command.prepare?.(node)) };
  if (command.keepsCompiled) env['NODE_COMPILE_CACHE'] ??= resolve(root, 'node_modules/.cache/compiled');

  const program = resolve(root, command.program);
  if (!existsSync(program)) fail(`${name}: ${command.program} is missing from this checkout`);
  await runProgram(
    node.path,
    [...nodeOptions, ...(command.nodeArgs ?? []), program, ...(command.args ?? []), ...args],
    env,
  );
}

main().catch((error) => {
  if (!(error instanceof SetUpError)) throw error;
  process.stderr.write(`carillon: ${error.message}\n`);
  process.exitCode = 1;
});
