import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { findCycles } from './find-cycles.ts';
import type { Layer } from './layers.ts';
import { type ImportSite, readModule } from './read-module.ts';

/** Sources by their path from the repository's root, with forward slashes. */
export type SourceTree = ReadonlyMap<string, string>;

/** Checks a source tree against the layers and answers with one line for each violation, `path:line what`. */
export function findViolations(tree: SourceTree, layers: readonly Layer[]): string[] {
  const violations: string[] = [];
  const graph = new Map<string, string[]>();

  for (const [path, source] of tree) {
    const { imports, ambient } = readModule(path, source);
    const layer = isTest(path) ? undefined : layerOf(path, layers);
    const targets: string[] = [];
    for (const site of imports) {
      const target = resolve(path, site.specifier);
      if (target) targets.push(target);
      const wrong =
        reachesIntoPackage(path, site) ?? (layer && breaksLayer(path, layer, site, target, layers));
      if (wrong) violations.push(`${path}:${site.line} ${wrong}`);
    }
    graph.set(path, targets);
    if (layer?.pure) {
      for (const { what, line } of ambient) {
        violations.push(`${path}:${line} ${layer.name} uses ${what}; it must be handed in through a port`);
      }
    }
  }
  for (const cycle of findCycles(graph))
    violations.push(`${cycle[0]}:1 is in a cycle: ${cycle.join(' -> ')}`);
  return violations;
}

/** Tests may reach for whatever shows that a claim is true, but not into another package. */
function isTest(path: string): boolean {
  return /\.test(-d)?\.tsx?$|\/test\//.test(path);
}

function layerOf(path: string, layers: readonly Layer[]): Layer | undefined {
  return layers
    .filter((layer) => path.startsWith(layer.path))
    .toSorted((a, b) => b.path.length - a.path.length)[0];
}

/** The file behind a relative import, or behind the name of one of our packages; undefined outside the repository. */
function resolve(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(path), specifier);
  const own = /^@carillon\/([^/]+)(?:\/(.+))?$/.exec(specifier);
  if (!own) return undefined;
  return own[2] ? `packages/${own[1]}/src/${own[2]}/index.ts` : `packages/${own[1]}/src/index.ts`;
}

function packageOf(path: string): string {
  return path.split('/').slice(0, 2).join('/');
}

function reachesIntoPackage(path: string, { specifier }: ImportSite): string | undefined {
  if (/^@carillon\/[^/]+\/(src|dist)\b/.test(specifier)) return `reaches into a package: ${specifier}`;
  if (!specifier.startsWith('.')) return undefined;
  const target = posix.join(posix.dirname(path), specifier);
  const leaves =
    path.startsWith('packages/') || path.startsWith('examples/') || target.startsWith('packages/');
  return leaves && packageOf(target) !== packageOf(path)
    ? `leaves its package by a path: ${specifier}; import the package by its name`
    : undefined;
}

function breaksLayer(
  path: string,
  layer: Layer,
  { specifier, typeOnly }: ImportSite,
  target: string | undefined,
  layers: readonly Layer[],
): string | undefined {
  if (!target) return breaksOutside(layer, specifier);
  const other = layerOf(target, layers);
  if (!other) return `${layer.name} imports ${specifier}, which is in no layer`;
  if (other.name === layer.name) {
    const from = folderWithin(layer, path);
    const to = folderWithin(layer, target);
    return layer.apart && from !== to
      ? `${layer.name}/${from} imports ${layer.name}/${to}; they are kept apart`
      : undefined;
  }
  if (layer.imports.includes(other.name)) return undefined;
  if (!layer.types?.includes(other.name)) return `${layer.name} imports ${other.name} (${specifier})`;
  return typeOnly ? undefined : `${layer.name} imports more than types of ${other.name} (${specifier})`;
}

function breaksOutside(layer: Layer, specifier: string): string | undefined {
  const isNode = isBuiltin(specifier);
  const allowed = isNode ? layer.outside === 'packages and node' : layer.outside !== 'nothing';
  return allowed ? undefined : `${layer.name} imports ${specifier}, which is outside the repository`;
}

function folderWithin(layer: Layer, path: string): string {
  return path.slice(layer.path.length).split('/')[0] ?? '';
}
