import type { Contract } from '@carillon/contract';
import type { Clock } from '../ports/clock.ts';
import type { DocumentEngine } from '../ports/document-engine.ts';
import type { createDocumentEngine } from '../adapters/yjs/engine.ts';
import { StartError } from './start-error.ts';

type Create = typeof createDocumentEngine;

/**
 * What documents are put together with; null where the contract has none, for then nobody need have installed it.
 *
 * @throws StartError where the contract has documents and the packages are not installed
 */
export async function openDocumentEngine(
  contract: Contract,
  settings: Parameters<Create>[0],
  clock: Clock,
): Promise<DocumentEngine | null> {
  if (!hasDocuments(contract)) return null;
  const create = await loadEngine();
  return create(settings, clock);
}

export function hasDocuments({ channels }: Contract): boolean {
  return Object.values(channels).some(({ kind }) => kind === 'document');
}

/** The library is an optional peer: who has no documents need not have it. */
async function loadEngine(): Promise<Create> {
  try {
    return (await import('../adapters/yjs/engine.ts')).createDocumentEngine;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error;
    throw new StartError(
      'the contract has documents, and the package yjs is not installed: npm install yjs@13',
    );
  }
}
