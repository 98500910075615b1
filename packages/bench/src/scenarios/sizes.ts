import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, defaultClientConditions, type Plugin, type Rolldown } from 'vite';
import type { Bench } from '../bench.ts';

/** What a page loads, minified and gzipped, bytes: at first, and when it is needed. */
export type Size = { readonly firstBytes: number; readonly laterBytes: number };

export type SizesResult = {
  /** Of `@carillon/client`: by subpath as apps import it, `.` is the default entry. */
  readonly entries: ReadonlyMap<string, Size>;
  /** The default entry with one of the others. */
  readonly withDefault: ReadonlyMap<string, Size>;
  /** The default entry with the outbox and its store for browsers, as one app would have it. */
  readonly offline: Size;
  /** The lean client alone. */
  readonly leanCore: Size;
  /** The lean client with all transports, the outbox and its store for browsers, as one app would have it. */
  readonly leanWhole: Size;
  readonly everything: Size;
  /** By name and version. */
  readonly peers: ReadonlyMap<string, Size>;
};

/** Neither for pages nor for apps. */
const NOT_FOR_PAGES: ReadonlySet<string> = new Set(['./package.json', './node', './core', './testing']);
/** Clients, of which a page has one. */
const CLIENTS: ReadonlySet<string> = new Set(['.', './presence', './lean']);
const PEERS = {
  'socket.io-client': import.meta.resolve('socket.io-client'),
  centrifuge: import.meta.resolve('centrifuge'),
} as const;
const CLIENT = '@carillon/client';
/** A page that uses it has it anyway. */
const EXTERNAL = ['react', 'preact', 'preact/hooks'];
const ENTRY = 'virtual:page';

export async function runSizes(bench: Bench): Promise<SizesResult> {
  const subpaths = Object.keys(clientExports()).filter((path) => !NOT_FOR_PAGES.has(path));
  const optional = subpaths.filter((path) => !CLIENTS.has(path));
  const say = (name: string, size: Size): Size => {
    bench.say(`sizes: ${name}: ${size.firstBytes} bytes, and ${size.laterBytes} when needed`);
    return size;
  };
  const of = async (...modules: readonly string[]): Promise<Size> => {
    const exported = modules.map((name) => `export * from ${JSON.stringify(name)};`);
    return say(modules.join(' and '), await measure(exported.join('\n')));
  };
  const entries = new Map<string, Size>();
  for (const path of subpaths) entries.set(path, await of(nameOf(path)));
  const withDefault = new Map<string, Size>();
  for (const path of optional) withDefault.set(path, await of(CLIENT, nameOf(path)));
  const peers = new Map<string, Size>();
  for (const [peer, url] of Object.entries(PEERS))
    peers.set(`${peer} ${versionOf(peer, url)}`, await of(peer));
  return {
    entries,
    withDefault,
    offline: await of(CLIENT, `${CLIENT}/outbox`),
    leanCore: say('the lean client alone', await measure(`export { createClient } from '${CLIENT}/lean';`)),
    leanWhole: await of(`${CLIENT}/lean`, `${CLIENT}/outbox`),
    everything: await of(CLIENT, ...optional.map(nameOf)),
    peers,
  };
}

function nameOf(subpath: string): string {
  return CLIENT + subpath.slice(1);
}

/** Not all packages let their manifest be imported. */
function versionOf(name: string, url: string): string {
  const entry = fileURLToPath(url);
  const folder = entry.slice(0, entry.lastIndexOf(`/${name}/`) + name.length + 1);
  return (JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as { readonly version: string }).version;
}

function clientExports(): Readonly<Record<string, unknown>> {
  const file = fileURLToPath(import.meta.resolve(`${CLIENT}/package.json`));
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly exports: Record<string, unknown> }).exports;
}

/** A module of a page's, in one bundle with what it imports, as Vite makes it. */
async function measure(source: string): Promise<Size> {
  const output = (await build({
    configFile: false,
    root: import.meta.dirname,
    logLevel: 'warn',
    resolve: { conditions: ['carillon-source', ...defaultClientConditions] },
    plugins: [page(source), WITHOUT_LOADER],
    build: {
      write: false,
      modulePreload: false,
      // As in an app's page, whose own chunk the others may import from.
      rolldownOptions: { input: ENTRY, external: EXTERNAL, preserveEntrySignatures: 'allow-extension' },
    },
  })) as Rolldown.RolldownOutput;
  const chunks = output.output.filter((part) => part.type === 'chunk');
  const first = new Set(
    chunks.filter((chunk) => chunk.isEntry).flatMap((chunk) => [chunk.fileName, ...chunk.imports]),
  );
  const sum = (wanted: boolean): number =>
    chunks
      .filter((chunk) => first.has(chunk.fileName) === wanted)
      .reduce((bytes, { code }) => bytes + gzipSync(code, { level: 9 }).byteLength, 0);
  return { firstBytes: sum(true), laterBytes: sum(false) };
}

function page(source: string): Plugin {
  return {
    name: 'page',
    resolveId: (id) => (id === ENTRY ? ENTRY : null),
    load: (id) => (id === ENTRY ? source : null),
  };
}

/** What Vite puts around each `import()`. A page has it once, whoever imports on demand; it is none of the client's. */
const WITHOUT_LOADER: Plugin = {
  name: 'without-loader',
  enforce: 'pre',
  load: (id) =>
    id.includes('vite/preload-helper') ? 'export const __vitePreload = (load) => load();' : null,
};
