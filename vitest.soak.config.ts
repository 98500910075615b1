import { defineConfig, mergeConfig } from 'vitest/config';
import everyDay from './vitest.config.ts';

/** An hour: a soak test sets its own, shorter, length. */
const SOAK_TIMEOUT_MS = 3_600_000;

const { include: _include, exclude: _exclude, ...test } = everyDay.test ?? {};

export default mergeConfig(
  { ...everyDay, test },
  defineConfig({
    test: {
      include: ['packages/*/{src,test}/**/*.soak.test.ts', 'examples/*/test/**/*.soak.test.ts'],
      exclude: ['**/node_modules/**', '**/dist/**'],
      // One at a time: a soak test measures memory and latency, and a neighbour would be measured with it.
      maxWorkers: 1,
      testTimeout: SOAK_TIMEOUT_MS,
    },
  }),
);
