import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends a test run with one line that a person and a program can both read: `N passed, N failed, N skipped`.
 * A file or a suite that could not run, and an error outside every test, each count as one failure:
 * otherwise a run that stopped half way would close on `0 failed`.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    for (const module of modules) {
      if (module.errors().length > 0) failed += 1;
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'skipped') skipped += 1;
        // `pending` at the end means the run was cut short: the test proved nothing.
        else failed += 1;
      }
    }
    process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  }
}
