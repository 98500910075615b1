import { existsSync, globSync } from 'node:fs';
import { dirname } from 'node:path';
import type { KnipConfig } from 'knip';

/** A package that so far is only a manifest has nothing to be looked through. */
const unwritten = globSync('{packages,examples}/*/package.json')
  .map((file) => dirname(file))
  .filter((folder) => !existsSync(`${folder}/src`));

const config: KnipConfig = {
  ignoreExportsUsedInFile: true,
  // What not everyone needs is an optional peer, and is imported: that is its purpose.
  rules: { optionalPeerDependencies: 'off' },
  ignoreBinaries: ['apt-get', 'taskset'],
  ignoreWorkspaces: unwritten,
  workspaces: {
    '.': {
      entry: ['scripts/run.mjs', 'scripts/check*.ts', 'scripts/build.ts'],
      project: ['scripts/**/*.{ts,mjs}'],
      // Started by their path, in scripts/check.ts and scripts/set-up/commands.mjs.
      ignoreDependencies: [
        '@arethetypeswrong/cli',
        '@changesets/cli',
        'oxfmt',
        'oxlint',
        'oxlint-tsgolint',
        'publint',
      ],
    },
    'packages/*': {
      entry: [
        'src/{index,main,cli/main}.ts',
        // Started by its path, as a server's --config.
        'src/carillon.config.ts',
        // Started in a thread of their own, by a URL.
        'src/**/*-{thread,worker}.ts',
        '{src,test}/**/*.{test,test-d}.{ts,tsx}',
        'scripts/*.ts',
      ],
      project: ['{src,test,scripts}/**/*.{ts,tsx}'],
    },
    'examples/*': {
      // `*.node.ts` is run by Node's own test runner.
      entry: ['*.html', 'src/main.{ts,tsx}', 'test/**/*.{test,node}.{ts,tsx}'],
      project: ['{src,test}/**/*.{ts,tsx,svelte,vue}'],
    },
  },
};

export default config;
