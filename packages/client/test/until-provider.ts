import type { DocumentProvider } from '../src/yjs/index.ts';

/** Resolves when the document is as the condition wants it. */
export function until(provider: DocumentProvider, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!holds()) return;
      provider.off('change', look);
      provider.off('update', look);
      resolve();
    };
    provider.on('change', look);
    provider.on('update', look);
    look();
  });
}
