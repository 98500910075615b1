import { existsSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build, defaultClientConditions, type Rolldown } from 'vite';

/** What an app's page may pay for the client and the protocol within it, before anything optional. */
const LIMIT_BYTES = 10 * 1024;

const entry = 'packages/client/src/index.ts';

/** The client as a page loads it at first: bundled, minified, gzipped; what it imports on demand is not counted. */
async function measure(): Promise<number> {
  const output = (await build({
    configFile: false,
    logLevel: 'warn',
    resolve: { conditions: ['carillon-source', ...defaultClientConditions] },
    build: {
      write: false,
      modulePreload: false,
      rolldownOptions: { input: entry, preserveEntrySignatures: 'exports-only' },
    },
  })) as Rolldown.RolldownOutput;

  const chunks = output.output.filter((part) => part.type === 'chunk');
  const first = new Set(
    chunks.filter((chunk) => chunk.isEntry).flatMap((chunk) => [chunk.fileName, ...chunk.imports]),
  );
  const code = chunks.filter((chunk) => first.has(chunk.fileName)).map((chunk) => chunk.code);
  return gzipSync(code.join('\n'), { level: 9 }).byteLength;
}

if (existsSync(entry)) {
  const bytes = await measure();
  console.log(`the client is ${bytes} bytes gzipped, of ${LIMIT_BYTES}`);
  if (bytes > LIMIT_BYTES) process.exitCode = 1;
} else {
  console.log(`${entry} is not written yet`);
}
