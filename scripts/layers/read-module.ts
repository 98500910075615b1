import { parseSync, visitorKeys } from 'oxc-parser';

/** One import or re-export, as it is written. */
export interface ImportSite {
  readonly specifier: string;
  readonly line: number;
  /** The whole statement is erased when types are: `import type`, `export type … from`, `import('…').T`. */
  readonly typeOnly: boolean;
}

/** A use of something a pure layer must be handed instead: `Date.now`, `setTimeout`. */
export interface AmbientUse {
  readonly what: string;
  readonly line: number;
}

export interface ModuleFacts {
  readonly imports: readonly ImportSite[];
  readonly ambient: readonly AmbientUse[];
}

/** Globals that bring in time, chance, the process or the network. */
const ambientGlobals = new Set(
  (
    'setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate ' +
    'performance process crypto fetch WebSocket globalThis'
  ).split(' '),
);

/** Members of globals that are harmless otherwise. */
const ambientMembers = new Set(['Date.now', 'Math.random']);

interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

/** Reads what a module imports and which ambient globals it uses. A name that the file itself declares is not a global. */
export function readModule(path: string, source: string): ModuleFacts {
  const imports: ImportSite[] = [];
  const ambient: AmbientUse[] = [];
  const declared = new Set<string>();
  const lineOf = (node: SyntaxNode): number => source.slice(0, node.start).split('\n').length;

  const { program, errors } = parseSync(path, source);
  if (errors[0]) throw new Error(`${path}: ${errors[0].message}`);

  walk(program, (node, parent) => {
    const site = importOf(node);
    if (site) imports.push({ ...site, line: lineOf(node) });
    for (const name of declaredNames(node)) declared.add(name);
    const what = ambientUse(node, parent);
    if (what) ambient.push({ what, line: lineOf(node) });
  });
  return { imports, ambient: ambient.filter(({ what }) => !declared.has(what)) };
}

function importOf(node: SyntaxNode): Omit<ImportSite, 'line'> | undefined {
  const specifier = isNode(node['source']) ? node['source']['value'] : undefined;
  if (typeof specifier !== 'string') return undefined;
  const typeOnly =
    node['importKind'] === 'type' || node['exportKind'] === 'type' || node.type === 'TSImportType';
  return { specifier, typeOnly };
}

function ambientUse(node: SyntaxNode, parent: SyntaxNode | undefined): string | undefined {
  if (node.type === 'MemberExpression') {
    const member = `${nameOf(node['object'])}.${nameOf(node['property'])}`;
    return ambientMembers.has(member) ? member : undefined;
  }
  if (node.type === 'NewExpression' || node.type === 'CallExpression') {
    // `new Date(ms)` only converts; without an argument, or called, it reads the clock.
    const readsClock = node.type === 'CallExpression' || (node['arguments'] as unknown[]).length === 0;
    return nameOf(node['callee']) === 'Date' && readsClock ? 'Date' : undefined;
  }
  const name = nameOf(node);
  return name !== undefined && ambientGlobals.has(name) && isReference(node, parent) ? name : undefined;
}

/** Whether an identifier stands for a value, and is not only the name of a property, or a type. */
function isReference(node: SyntaxNode, parent: SyntaxNode | undefined): boolean {
  if (!parent) return false;
  if (parent.type === 'MemberExpression') return parent['object'] === node || parent['computed'] === true;
  if (
    parent.type.startsWith('TS') &&
    parent.type !== 'TSAsExpression' &&
    parent.type !== 'TSNonNullExpression'
  ) {
    return false;
  }
  if (parent['key'] === node && parent['value'] !== node) return parent['computed'] === true;
  return true;
}

function declaredNames(node: SyntaxNode): string[] {
  if (node.type === 'VariableDeclarator') return patternNames(node['id']);
  if (node.type === 'CatchClause') return patternNames(node['param']);
  if (node.type.startsWith('Import') && isNode(node['local'])) return patternNames(node['local']);
  if (Array.isArray(node['params']))
    return [...patternNames(node['id']), ...node['params'].flatMap(patternNames)];
  return [];
}

/** The names that a pattern binds: `a`, `{ b: c = 1 }`, `[d, ...e]`. */
function patternNames(pattern: unknown): string[] {
  const names: string[] = [];
  if (!isNode(pattern)) return names;
  walk(pattern, (node, parent) => {
    const isKey = parent?.['key'] === node && parent['value'] !== node;
    if (node.type === 'Identifier' && !isKey) names.push(node['name'] as string);
  });
  return names;
}

function nameOf(node: unknown): string | undefined {
  return isNode(node) && node.type === 'Identifier' ? (node['name'] as string) : undefined;
}

function walk(
  root: unknown,
  visit: (node: SyntaxNode, parent: SyntaxNode | undefined) => void,
  parent?: SyntaxNode,
): void {
  if (!isNode(root)) return;
  visit(root, parent);
  for (const key of visitorKeys[root.type] ?? []) {
    const child = root[key];
    for (const node of Array.isArray(child) ? child : [child]) walk(node, visit, root);
  }
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value;
}
