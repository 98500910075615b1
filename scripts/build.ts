import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
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
  console.log(`${name}: built`);
}
