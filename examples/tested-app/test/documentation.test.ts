import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const FOLDER = new URL('../', import.meta.url);
const PAGE = readFileSync(new URL('../../docs/testing-your-app.md', FOLDER), 'utf8');

describe('docs/testing-your-app.md', () => {
  it.each(['src/contract.ts', 'src/rules.ts', 'test/app.test.ts', 'test/app.node.ts'])(
    'shows %s as it is',
    (file) => {
      expect(PAGE).toContain(`\`\`\`ts\n// ${file}\n${readFileSync(new URL(file, FOLDER), 'utf8')}\`\`\``);
    },
  );

  it('what it shows for node:test runs there, and the process ends by itself', async () => {
    const test = spawn(
      process.execPath,
      [
        '--conditions=carillon-source',
        '--test-reporter=tap',
        '--test',
        fileURLToPath(new URL('test/app.node.ts', FOLDER)),
      ],
      // A test runner that finds itself inside of another reports to that.
      { env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined } },
    );
    let output = '';
    for (const stream of [test.stdout, test.stderr]) stream.on('data', (piece) => (output += String(piece)));
    const [code] = (await once(test, 'close')) as [number | null];
    expect(output).toContain('# pass 1');
    expect(code).toBe(0);
  });
});
