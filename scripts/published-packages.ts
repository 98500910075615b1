import { globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** The export condition of the unbuilt sources. */
const SOURCE = 'carillon-source';

export interface PublishedPackage {
  readonly name: string;
  /** From the repository's root. */
  readonly folder: string;
  /** Exports that lead to sources alone: for the packages beside it, nobody else can import them. */
  readonly ownExports: readonly string[];
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

/** The packages that go to npm, each after those of them that it depends on. */
export function publishedPackages(): PublishedPackage[] {
  const manifests = new Map<string, Manifest & { readonly folder: string }>();
  for (const file of globSync('packages/*/package.json').toSorted()) {
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
    if (!manifest.private) manifests.set(manifest.name, { ...manifest, folder: dirname(file) });
  }
  const ordered = new Set<Manifest & { readonly folder: string }>();
  const add = (name: string): void => {
    const manifest = manifests.get(name);
    if (!manifest || ordered.has(manifest)) return;
    for (const dependency of Object.keys(manifest.dependencies ?? {})) add(dependency);
    ordered.add(manifest);
  };
  for (const name of manifests.keys()) add(name);
  return [...ordered].map(({ name, folder, exports = {} }) => ({
    name,
    folder,
    ownExports: Object.keys(exports).filter((path) => isOwn(exports[path])),
  }));
}

function isOwn(target: string | Readonly<Record<string, string>> | undefined): boolean {
  return typeof target === 'object' && Object.keys(target).every((condition) => condition === SOURCE);
}
