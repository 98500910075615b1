import { randomUUID } from 'node:crypto';
import { createRedisDocuments } from '../../src/adapters/redis/documents.ts';
import { createKeys } from '../../src/adapters/redis/keys.ts';
import type { Replicas } from '../../src/adapters/redis/replicated.ts';
import type { RedisLink } from '../../src/adapters/redis/redis-link.ts';
import type { DocumentStore } from '../../src/ports/documents.ts';
import type { OpenDocuments } from '../../src/testing/index.ts';

/** A node's documents, over its line. */
export function documentsOn(link: RedisLink, replicas: Replicas | null = null): DocumentStore {
  return createRedisDocuments({ link, keys: createKeys(link.prefix), newId: randomUUID, replicas });
}

/** Opens empty stores that share one Redis, apart by their prefix. A store that is opened again is another node's. */
export function openDocumentsOn(
  open: (prefix: string) => Promise<{ readonly link: RedisLink; readonly replicas?: Replicas }>,
): OpenDocuments {
  return async () => {
    const prefix = `t${randomUUID().slice(0, 8)}:`;
    const links: RedisLink[] = [];
    const join = async (): Promise<DocumentStore> => {
      const { link, replicas } = await open(prefix);
      links.push(link, ...(replicas === undefined ? [] : [replicas.link]));
      return documentsOn(link, replicas);
    };
    return {
      store: await join(),
      other: await join(),
      async reopen() {
        for (const link of links.splice(0)) await link.close();
        return join();
      },
      async close() {
        for (const link of links) await link.close();
      },
    };
  };
}
