/** A Yjs document on the app's connection: for any editor that has a binding for Yjs. */
export { openDocument } from './open-document.ts';
export type {
  DocumentAuthors,
  DocumentDiff,
  DocumentEvents,
  DocumentInfo,
  DocumentProvider,
  DocumentProviderOptions,
  DocumentVersion,
  Saved,
  VersionsPage,
} from './provider-types.ts';
export type { DocumentStatus } from '../core/document/document-events.ts';
