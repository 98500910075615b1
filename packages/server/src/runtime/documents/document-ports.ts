import type { ChannelSpec } from '../../core/channel/channel-spec.ts';
import type { DocumentEngine } from '../../ports/document-engine.ts';
import type { DocumentStore } from '../../ports/documents.ts';
import type { NodePorts } from '../node-options.ts';

/** Only a contract with documents comes here, and then there is one. */
export function engineOf({ engine }: Pick<NodePorts, 'engine'>): DocumentEngine {
  if (engine === null) throw new TypeError('a document, and no engine');
  return engine;
}

/** Where snapshots and versions of a document are kept. */
export function documentStoreOf(
  { documents }: Pick<NodePorts, 'documents'>,
  { durability }: Pick<ChannelSpec, 'durability'>,
): DocumentStore {
  if (documents === null) throw new TypeError('a document, and no store');
  return documents[durability];
}
