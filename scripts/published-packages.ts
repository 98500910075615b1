import { globSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface PublishedPackage {
  readonly name: string;
  /** From the repository's root. */
  readonly folder: string;
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** The packages that go to npm, each after those of them that it depends on. */
export function publishedPackages(): PublishedPackage[] {
  const manifests = new Map<string, Manifest & PublishedPackage>();
  for (const file of globSync('packages/*/package.json').toSorted()) {
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
    if (!manifest.private) manifests.set(manifest.name, { ...manifest, folder: dirname(file) });
  }
  const ordered = new Set<Manifest & PublishedPackage>();
  const add = (name: string): void => {
    const manifest = manifests.get(name);
    if (!manifest || ordered.has(manifest)) return;
    for (const dependency of Object.keys(manifest.dependencies ?? {})) add(dependency);
    ordered.add(manifest);
  };
  for (const name of manifests.keys()) add(name);
  return [...ordered].map(({ name, folder }) => ({ name, folder }));
}
