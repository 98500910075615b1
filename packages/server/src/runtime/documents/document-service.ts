import type { Awareness } from './awareness.ts';
import type { Patterns } from '../../core/channel/patterns.ts';
import type { Hub } from '../channels/hub.ts';
import type { NodeContext } from '../context.ts';
import type { HubChannel } from '../link-state.ts';
import { createAutomaticVersions } from './automatic-versions.ts';
import { createDocumentAccess } from './document-access.ts';
import { createDocumentOperations } from './document-operations.ts';
import { createDocumentRequests, type DocumentRequests } from './document-requests.ts';
import { engineOf } from './document-ports.ts';
import type { Documents } from './documents.ts';
import type { DocumentsApi } from './documents-api.ts';
import { createVersions } from './versions.ts';

/** What is done with documents beside changing them: versions, authors, and all that the app's own side does. */
export type DocumentService = DocumentRequests & {
  readonly api: DocumentsApi;
  /** A change of the document was heard of. Called for each. */
  changed(channel: HubChannel): void;
  readonly timers: number;
  stop(): void;
};

export function createDocumentService(
  context: NodeContext,
  patterns: Patterns,
  hub: Hub,
  documents: Documents,
  awareness: Pick<Awareness, 'shown'>,
): DocumentService {
  const { ports } = context;
  const access = createDocumentAccess(context, hub, documents);
  const versions = createVersions(ports, () => engineOf(ports), access);
  const automatic = createAutomaticVersions(ports, access, versions);
  const { handle } = createDocumentRequests(context, documents, versions);
  return {
    handle,
    api: createDocumentOperations(context, patterns, access, versions, automatic.changed, () => ({
      ...documents.sizes(),
      people: awareness.shown(),
    })),
    changed: automatic.changed,
    get timers() {
      return automatic.timers;
    },
    stop: automatic.stop,
  };
}
