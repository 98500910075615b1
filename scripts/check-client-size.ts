import { existsSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build, defaultClientConditions, type Rolldown } from 'vite';

/** What an app's page may pay for the client and the protocol within it, before anything optional; and for each option. */
const BUDGETS = [
  { what: 'presence', entries: ['packages/client/src/presence.ts'], limitBytes: 10 * 1024 },
  { what: 'with channels', entries: ['packages/client/src/index.ts'], limitBytes: 20.5 * 1024 },
  {
    what: 'and the outbox, without its stores',
    entries: ['packages/client/src/index.ts', 'packages/client/src/outbox/create-outbox.ts'],
    limitBytes: 25.5 * 1024,
  },
  { what: 'tabs', entries: ['packages/client/src/tabs/tabs.ts'], limitBytes: 6.5 * 1024 },
  { what: 'MessagePack', entries: ['packages/client/src/messagepack.ts'], limitBytes: 2.25 * 1024 },
  // Loaded where WebSocket does not work.
  {
    what: 'other transports',
    entries: ['packages/client/src/transports/ladder.ts'],
    limitBytes: 5 * 1024,
  },
  // Loaded only where somebody opens it.
  { what: 'devtools', entries: ['packages/client/src/devtools/devtools.ts'], limitBytes: 8 * 1024 },
] as const;

/** What Vite puts around each `import()`. A page has it once, whoever imports on demand; it is none of the client's. */
const withoutLoader = {
  name: 'without-loader',
  enforce: 'pre',
  load: (id: string) =>
    id.includes('vite/preload-helper') ? 'export const __vitePreload = (load) => load();' : null,
} as const;

/** The client as a page loads it at first: bundled, minified, gzipped; what it imports on demand is not counted. */
async function measure(entries: readonly string[]): Promise<number> {
  const output = (await build({
    configFile: false,
    logLevel: 'warn',
    resolve: { conditions: ['carillon-source', ...defaultClientConditions] },
    plugins: [withoutLoader],
    build: {
      write: false,
      modulePreload: false,
      rolldownOptions: { input: [...entries], preserveEntrySignatures: 'exports-only' },
    },
  })) as Rolldown.RolldownOutput;

  const chunks = output.output.filter((part) => part.type === 'chunk');
  const first = new Set(
    chunks.filter((chunk) => chunk.isEntry).flatMap((chunk) => [chunk.fileName, ...chunk.imports]),
  );
  const code = chunks.filter((chunk) => first.has(chunk.fileName)).map((chunk) => chunk.code);
  return gzipSync(code.join('\n'), { level: 9 }).byteLength;
}

const figures: string[] = [];
for (const { what, entries, limitBytes } of BUDGETS) {
  for (const entry of entries)
    if (!existsSync(entry)) throw new Error(`${entry} is not there: has it moved?`);
  const bytes = await measure(entries);
  figures.push(`${what} ${bytes} bytes gzipped, of ${limitBytes}`);
  if (bytes > limitBytes) process.exitCode = 1;
}
console.log(figures.join('; '));
