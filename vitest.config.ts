import { defaultClientConditions, defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './scripts/vitest-longest-first.ts';

/** Packages import each other's TypeScript in the repository, in the tests' own process and in workers they start. */
const SOURCE = 'carillon-source';

export default defineConfig({
  resolve: { conditions: [SOURCE, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [SOURCE, ...defaultServerConditions] } },
  test: {
    environment: 'node',
    include: [
      'packages/*/{src,test}/**/*.test.{ts,tsx}',
      'examples/*/test/**/*.test.{ts,tsx}',
      'scripts/**/*.test.ts',
    ],
    exclude: ['**/node_modules/**', '**/dist/**', '**/*.soak.test.ts'],
    pool: 'forks',
    // Two cores is what the smallest machine here has. One worker more, for the tests of faults wait most of their time.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // For a machine that is busy with something else; a test that hangs is found all the same.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    execArgv: [`--conditions=${SOURCE}`, '--disable-warning=ExperimentalWarning'],
    reporters: ['default', './scripts/vitest-closing-line.ts'],
  },
});
