import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, globSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { publishedPackages } from './published-packages.ts';

/** Builds the published packages with plain tsc, each after those it depends on. */
for (const { name, folder } of publishedPackages()) {
  if (!existsSync(`${folder}/src/index.ts`)) {
    console.log(`${name}: nothing to build yet`);
    continue;
  }
  rmSync(`${folder}/dist`, { recursive: true, force: true });
  const { status } = spawnSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-p', `${folder}/tsconfig.build.json`],
    {
      stdio: 'inherit',
    },
  );
  if (status !== 0) {
    console.error(`${name}: the build failed`);
    process.exit(status ?? 1);
  }
  // What is read at run time, beside the code that reads it.
  for (const script of globSync('**/*.lua', { cwd: `${folder}/src` })) {
    const target = join(folder, 'dist', script);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(folder, 'src', script), target);
  }
  console.log(`${name}: built`);
}
