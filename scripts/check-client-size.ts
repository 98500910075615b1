import { gzipSync } from 'node:zlib';
import { build, defaultClientConditions, type Rolldown } from 'vite';

const CLIENT = '@carillon/client';

/** What an app's page may pay for what it imports of the client, and the protocol within it. */
const BUDGETS = [
  { what: 'presence', page: `export * from '${CLIENT}/presence';`, limitBytes: 10 * 1024 },
  { what: 'lean', page: `export { createClient } from '${CLIENT}/lean';`, limitBytes: 8.5 * 1024 },
  {
    what: 'with all transports, and the outbox with its store',
    page: `export * from '${CLIENT}/lean'; export * from '${CLIENT}/outbox';`,
    // 16 KB are aimed at.
    limitBytes: 17.75 * 1024,
  },
  { what: 'with channels', page: `export * from '${CLIENT}';`, limitBytes: 20.25 * 1024 },
  {
    what: 'and the outbox, without its stores',
    page: `export * from '${CLIENT}'; export { createOutbox } from '${CLIENT}/outbox';`,
    limitBytes: 25.5 * 1024,
  },
  {
    what: 'and sync',
    page: `export * from '${CLIENT}'; export * from '${CLIENT}/sync';`,
    limitBytes: 26.75 * 1024,
  },
  // With channels, but not Yjs and what it brings: whoever has a document has them.
  {
    what: 'and documents, without Yjs',
    page: `export * from '${CLIENT}'; export * from '${CLIENT}/yjs';`,
    limitBytes: 30 * 1024,
  },
  { what: 'tabs', page: `export * from '${CLIENT}/tabs';`, limitBytes: 6.75 * 1024 },
  { what: 'operations', page: `export * from '${CLIENT}/operations';`, limitBytes: 1.25 * 1024 },
  { what: 'MessagePack', page: `export * from '${CLIENT}/messagepack';`, limitBytes: 2.25 * 1024 },
  // Loaded where WebSocket does not work, but by the lean client.
  {
    what: 'other transports',
    page: `export { allTransports } from '${CLIENT}/lean';`,
    limitBytes: 4 * 1024,
  },
  // Loaded only where somebody opens it.
  { what: 'devtools', page: `export * from '${CLIENT}/devtools';`, limitBytes: 8 * 1024 },
] as const;

/** What Vite puts around each `import()`. A page has it once, whoever imports on demand; it is none of the client's. */
const withoutLoader = {
  name: 'without-loader',
  enforce: 'pre',
  load: (id: string) =>
    id.includes('vite/preload-helper') ? 'export const __vitePreload = (load) => load();' : null,
} as const;

/** What a page with these imports loads at first: bundled, minified, gzipped; what is imported on demand is not counted. */
async function measure(page: string): Promise<number> {
  const entry = 'virtual:page';
  const output = (await build({
    configFile: false,
    logLevel: 'warn',
    resolve: { conditions: ['carillon-source', ...defaultClientConditions] },
    plugins: [
      {
        name: 'page',
        resolveId: (id) => (id === entry ? id : null),
        load: (id) => (id === entry ? page : null),
      },
      withoutLoader,
    ],
    build: {
      write: false,
      modulePreload: false,
      // As in an app's page, whose own chunk the others may import from.
      rolldownOptions: {
        external: [/^yjs$/, /^y-protocols/, /^lib0/],
        input: entry,
        preserveEntrySignatures: 'allow-extension',
      },
    },
  })) as Rolldown.RolldownOutput;

  const chunks = output.output.filter((part) => part.type === 'chunk');
  const first = new Set(
    chunks.filter((chunk) => chunk.isEntry).flatMap((chunk) => [chunk.fileName, ...chunk.imports]),
  );
  return chunks
    .filter((chunk) => first.has(chunk.fileName))
    .reduce((bytes, { code }) => bytes + gzipSync(code, { level: 9 }).byteLength, 0);
}

const figures: string[] = [];
for (const { what, page, limitBytes } of BUDGETS) {
  const bytes = await measure(page);
  figures.push(`${what} ${bytes} bytes gzipped, of ${limitBytes}`);
  if (bytes > limitBytes) process.exitCode = 1;
}
console.log(figures.join('; '));
