/** What the SDK has for Node.js alone. */
export { type FileStoreOptions, fileStore } from './file-store.ts';
