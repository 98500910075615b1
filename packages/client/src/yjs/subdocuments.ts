import type { Doc } from 'yjs';
import type { DocumentRoom } from './document-room.ts';
import type { DocumentProvider } from './provider-types.ts';

type Subdocs = { readonly loaded: Set<Doc>; readonly removed: Set<Doc> };

/**
 * Opens the documents that lie in another, each when the app loads it.
 *
 * @param open null: not this one
 * @returns closes them
 */
export function openSubdocuments(
  room: DocumentRoom,
  open: (doc: Doc) => DocumentProvider | null,
): () => void {
  const providers = new Map<Doc, DocumentProvider>();
  let parent = room.doc();

  function onSubdocs({ loaded, removed }: Subdocs): void {
    for (const doc of removed) {
      void providers.get(doc)?.close();
      providers.delete(doc);
    }
    for (const doc of loaded) {
      const provider = providers.has(doc) ? null : open(doc);
      if (provider !== null) providers.set(doc, provider);
    }
  }

  function endAll(): void {
    parent.off('subdocs', onSubdocs);
    for (const provider of providers.values()) void provider.close();
    providers.clear();
  }

  function begin(doc: Doc): void {
    parent = doc;
    parent.on('subdocs', onSubdocs);
    const held = [...parent.subdocs].filter(({ shouldLoad }) => shouldLoad);
    onSubdocs({ loaded: new Set(held), removed: new Set() });
  }

  room.told.on('reload', (doc) => {
    endAll();
    begin(doc);
  });
  begin(parent);
  return endAll;
}
